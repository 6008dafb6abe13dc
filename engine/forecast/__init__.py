"""The forecasting model in a process of its own: asked, listened to, started again; never waited for."""
