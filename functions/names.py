"""Names of what the functions are bound to; `infra/` creates exactly these."""

READINGS_HUB = "meter-readings"
READINGS_GROUP = "score"
INCIDENTS_HUB = "grid-incidents"
DATABASE = "metersentry"
ANOMALIES = "anomalies"
INCIDENTS = "incidents"
LEASES = "leases"
NOTIFICATIONS_QUEUE = "notifications"

EVENT_HUB_CONNECTION = "EventHubConnection"
COSMOS_CONNECTION = "COSMOS"
STORAGE_CONNECTION = "AzureWebJobsStorage"
