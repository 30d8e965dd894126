# MeterSentry in one resource group; infra/bicep describes the same resources.

data "azurerm_client_config" "current" {}

locals {
  tags   = { product = "metersentry", environment = var.environment_name, azd-env-name = var.environment_name }
  suffix = substr(sha256("${data.azurerm_client_config.current.subscription_id}${var.environment_name}${var.location}"), 0, 8)

  # One row of the table that `python -m local capacity` computes: the first that is large enough.
  readings_a_minute = floor(var.meters / var.interval_minutes)
  size              = [for row in jsondecode(file("${path.module}/../capacity.json")).rows : row if local.readings_a_minute <= row.readings_a_minute][0]
}

resource "azurerm_resource_group" "this" {
  name     = "rg-metersentry-${var.environment_name}"
  location = var.location
  tags     = local.tags
}

# The one identity of the function app; every role in the other files is given to it.
resource "azurerm_user_assigned_identity" "app" {
  name                = "id-metersentry-${var.environment_name}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
}
