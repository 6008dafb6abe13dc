"""A model server of Ollama's protocol without a model: scripted answers, delays and faults, or a persona that reads
the brief. For tests, and for trying the cockpit on a machine without a GPU: `python -m bench.ollama_server`."""
