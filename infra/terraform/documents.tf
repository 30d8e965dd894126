# Cosmos DB: one database. Packs take nearly every request unit and have throughput of their own; the rest share.

locals {
  # As functions/adapters/cosmos/schema.py has it; a test compares them. ttl: seconds, -1 documents say it themselves,
  # 0 no document expires.
  containers = [
    { name = "rosters", partition_key = "/feeder_id", indexed = ["/customer_id/[]"], ttl = 0 },
    { name = "packs", partition_key = "/id", indexed = ["/due_at", "/outbox_pending"], ttl = 0 },
    { name = "anomalies", partition_key = "/feeder_id", indexed = ["/start", "/kind"], ttl = 10368000 },
    { name = "incidents", partition_key = "/feeder_id", indexed = ["/type", "/state", "/started_at", "/release_at"], ttl = -1 },
    { name = "grid_context", partition_key = "/scope", indexed = ["/end"], ttl = -1 },
    { name = "customers", partition_key = "/customer_id", indexed = ["/phone"], ttl = 0 },
    { name = "deliveries", partition_key = "/customer_id", indexed = ["/state", "/not_before", "/critical"], ttl = 34560000 },
    { name = "audit", partition_key = "/day", indexed = ["/at"], ttl = var.audit_days * 86400 },
    { name = "leases", partition_key = "/id", indexed = [], ttl = 0 },
  ]
}

resource "azurerm_cosmosdb_account" "this" {
  name                               = "cosmos-metersentry-${local.suffix}"
  location                           = azurerm_resource_group.this.location
  resource_group_name                = azurerm_resource_group.this.name
  tags                               = local.tags
  kind                               = "GlobalDocumentDB"
  offer_type                         = "Standard"
  local_authentication_enabled       = false
  access_key_metadata_writes_enabled = false
  minimal_tls_version                = "Tls12"
  public_network_access_enabled      = !var.private_networking

  consistency_policy {
    consistency_level = "Session"
  }

  geo_location {
    location          = azurerm_resource_group.this.location
    failover_priority = 0
    zone_redundant    = var.zone_redundant
  }

  # As long as dead letters live: whatever is restored can be brought up to date by replaying them.
  backup {
    type = "Continuous"
    tier = "Continuous30Days"
  }
}

resource "azurerm_cosmosdb_sql_database" "this" {
  name                = "metersentry"
  account_name        = azurerm_cosmosdb_account.this.name
  resource_group_name = azurerm_resource_group.this.name

  autoscale_settings {
    max_throughput = local.size.shared_request_units
  }
}

resource "azurerm_cosmosdb_sql_container" "this" {
  for_each            = { for each in local.containers : each.name => each }
  name                = each.key
  account_name        = azurerm_cosmosdb_account.this.name
  database_name       = azurerm_cosmosdb_sql_database.this.name
  resource_group_name = azurerm_resource_group.this.name

  partition_key_paths   = [each.value.partition_key]
  partition_key_kind    = "Hash"
  partition_key_version = 2
  default_ttl           = each.value.ttl == 0 ? null : each.value.ttl

  # Every indexed path costs request units on each write: nothing but what is named.
  indexing_policy {
    indexing_mode = "consistent"

    dynamic "included_path" {
      for_each = each.value.indexed
      content {
        path = "${included_path.value}/?"
      }
    }
    excluded_path {
      path = "/*"
    }
  }

  dynamic "autoscale_settings" {
    for_each = each.key == "packs" ? [local.size.packs_request_units] : []
    content {
      max_throughput = autoscale_settings.value
    }
  }
}

# Cosmos DB Built-in Data Contributor: documents are read and written; of the account itself nothing can be changed.
resource "azurerm_cosmosdb_sql_role_assignment" "contributor" {
  account_name        = azurerm_cosmosdb_account.this.name
  resource_group_name = azurerm_resource_group.this.name
  role_definition_id  = "${azurerm_cosmosdb_account.this.id}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002"
  principal_id        = azurerm_user_assigned_identity.app.principal_id
  scope               = azurerm_cosmosdb_account.this.id
}

# A line for every request would cost more than the requests: what changes the account is logged, and which partitions grow large.
resource "azurerm_monitor_diagnostic_setting" "documents" {
  name                           = "to-log-analytics"
  target_resource_id             = azurerm_cosmosdb_account.this.id
  log_analytics_workspace_id     = azurerm_log_analytics_workspace.this.id
  log_analytics_destination_type = "Dedicated"

  enabled_log {
    category = "ControlPlaneRequests"
  }
  enabled_log {
    category = "PartitionKeyStatistics"
  }
}
