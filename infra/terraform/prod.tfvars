# terraform apply -var-file=prod.tfvars
environment_name = "prod"
location         = "eastus2"
meters           = 1000000
interval_minutes = 15
alert_email      = "metersentry-ops@example.com"
auth_client_id   = "00000000-0000-0000-0000-000000000000"

zone_redundant     = true
private_networking = true
