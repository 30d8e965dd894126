# Five values have to be given: location, meters, interval_minutes, alert_email and auth_client_id; dev.tfvars and
# prod.tfvars show them.

variable "subscription_id" {
  description = "Subscription to deploy to; null takes ARM_SUBSCRIPTION_ID."
  type        = string
  default     = null
}

variable "environment_name" {
  description = "Name of this deployment; part of every resource's name."
  type        = string
  validation {
    condition     = can(regex("^[a-z0-9-]{2,12}$", var.environment_name))
    error_message = "environment_name has 2 to 12 lower-case letters, digits and hyphens."
  }
}

variable "location" {
  description = "Azure region, for example eastus2."
  type        = string
}

variable "meters" {
  description = "Meters that will report within the next years: partitions cannot be changed later."
  type        = number
  validation {
    condition     = var.meters >= 1 && var.meters <= 10000000
    error_message = "meters is from 1 to 10,000,000."
  }
}

variable "interval_minutes" {
  description = "Minutes between two readings of a meter."
  type        = number
  default     = 15
  validation {
    condition     = var.interval_minutes >= 1 && var.interval_minutes <= 1440
    error_message = "interval_minutes is from 1 to 1,440."
  }
}

variable "alert_email" {
  description = "Who gets the alerts."
  type        = string
}

variable "auth_client_id" {
  description = "Client id of the app registration that people sign in to; docs/deploy.md makes one."
  type        = string
}

variable "private_networking" {
  description = "Storage, Cosmos DB, Event Hubs and Key Vault answer on a private network only."
  type        = bool
  default     = false
}

variable "zone_redundant" {
  description = "Survive the loss of one data centre of the region."
  type        = bool
  default     = false
}

variable "log_daily_gb" {
  description = "Gigabytes a day that Log Analytics takes before it stops listening."
  type        = number
  default     = 5
}

variable "log_days" {
  description = "Days that logs and metrics are kept, 30 to 730."
  type        = number
  default     = 90
}

variable "audit_days" {
  description = "Days that the audit trail of operators' actions is kept."
  type        = number
  default     = 1095
}

variable "settings" {
  description = "Settings that differ from the defaults in app.tf, by name: { UTILITY_NAME = \"Example Power\" }."
  type        = map(string)
  default     = {}
}

variable "twilio_account_sid" {
  description = "Account SID of Twilio; empty: no SMS and no calls. The token goes into Key Vault."
  type        = string
  default     = ""
}

variable "twilio_from" {
  description = "Number, short code or name to send from; or else a messaging service."
  type        = string
  default     = ""
}

variable "twilio_messaging_service_sid" {
  description = "SID of a Twilio messaging service to send from."
  type        = string
  default     = ""
}

variable "webhook_url" {
  description = "Address of the utility's own app for messages; its secret goes into Key Vault."
  type        = string
  default     = ""
}

variable "public_url" {
  description = "Public address of this app where a proxy stands in front of it; empty: its own."
  type        = string
  default     = ""
}
