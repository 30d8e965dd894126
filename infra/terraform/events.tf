# Event Hubs: readings and work orders in, incidents out.

locals {
  # Partitions of hubs with little traffic.
  quiet_partitions = 4
  # A week is the most that Standard keeps, and what an outage of the product may last without loss.
  retention_hours = 168
}

resource "azurerm_eventhub_namespace" "this" {
  name                          = "evhns-metersentry-${local.suffix}"
  location                      = azurerm_resource_group.this.location
  resource_group_name           = azurerm_resource_group.this.name
  tags                          = local.tags
  sku                           = "Standard"
  capacity                      = 1
  auto_inflate_enabled          = true
  maximum_throughput_units      = local.size.throughput_units
  local_authentication_enabled  = false
  minimum_tls_version           = "1.2"
  public_network_access_enabled = !var.private_networking

  # Inflating changes it while it runs.
  lifecycle {
    ignore_changes = [capacity]
  }
}

resource "azurerm_eventhub" "readings" {
  name            = "meter-readings"
  namespace_id    = azurerm_eventhub_namespace.this.id
  partition_count = local.size.partitions

  retention_description {
    cleanup_policy          = "Delete"
    retention_time_in_hours = local.retention_hours
  }
}

resource "azurerm_eventhub_consumer_group" "score" {
  name                = "score"
  namespace_name      = azurerm_eventhub_namespace.this.name
  eventhub_name       = azurerm_eventhub.readings.name
  resource_group_name = azurerm_resource_group.this.name
}

resource "azurerm_eventhub" "work_orders" {
  name            = "work-orders"
  namespace_id    = azurerm_eventhub_namespace.this.id
  partition_count = local.quiet_partitions

  retention_description {
    cleanup_policy          = "Delete"
    retention_time_in_hours = local.retention_hours
  }
}

resource "azurerm_eventhub_consumer_group" "context" {
  name                = "context"
  namespace_name      = azurerm_eventhub_namespace.this.name
  eventhub_name       = azurerm_eventhub.work_orders.name
  resource_group_name = azurerm_resource_group.this.name
}

resource "azurerm_eventhub" "incidents" {
  name            = "grid-incidents"
  namespace_id    = azurerm_eventhub_namespace.this.id
  partition_count = local.quiet_partitions

  retention_description {
    cleanup_policy          = "Delete"
    retention_time_in_hours = local.retention_hours
  }
}

# Readings are taken from this hub.
resource "azurerm_role_assignment" "readings_receiver" {
  scope                = azurerm_eventhub.readings.id
  role_definition_name = "Azure Event Hubs Data Receiver"
  principal_id         = azurerm_user_assigned_identity.app.principal_id
  principal_type       = "ServicePrincipal"
}

# Work orders are taken from this hub.
resource "azurerm_role_assignment" "work_orders_receiver" {
  scope                = azurerm_eventhub.work_orders.id
  role_definition_name = "Azure Event Hubs Data Receiver"
  principal_id         = azurerm_user_assigned_identity.app.principal_id
  principal_type       = "ServicePrincipal"
}

# Incidents are published to this hub, and to no other.
resource "azurerm_role_assignment" "incidents_sender" {
  scope                = azurerm_eventhub.incidents.id
  role_definition_name = "Azure Event Hubs Data Sender"
  principal_id         = azurerm_user_assigned_identity.app.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_monitor_diagnostic_setting" "events" {
  name                       = "to-log-analytics"
  target_resource_id         = azurerm_eventhub_namespace.this.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.this.id

  enabled_log {
    category = "OperationalLogs"
  }
  enabled_log {
    category = "AutoScaleLogs"
  }
}
