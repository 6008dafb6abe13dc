"""What app.py's flags do, one file a command."""
