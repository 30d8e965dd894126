"""MeterSentry: what runs in Azure Functions."""
