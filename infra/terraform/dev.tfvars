# A small system to try things on: terraform apply -var-file=dev.tfvars
environment_name = "dev"
location         = "eastus2"
meters           = 10000
interval_minutes = 15
alert_email      = "metersentry-dev@example.com"
auth_client_id   = "00000000-0000-0000-0000-000000000000"

log_daily_gb = 1
log_days     = 30
audit_days   = 30
