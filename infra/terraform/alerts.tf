# Alerts: queries over the product's own metrics and lines, and two over the platform's.

resource "azurerm_monitor_action_group" "operators" {
  name                = "ag-metersentry-${var.environment_name}"
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
  short_name          = "metersentry"

  email_receiver {
    name                    = "operators"
    email_address           = var.alert_email
    use_common_alert_schema = true
  }
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "this" {
  for_each                = { for each in jsondecode(file("${path.module}/../alerts.json")).queries : each.name => each }
  name                    = "alert-metersentry-${var.environment_name}-${each.key}"
  location                = azurerm_resource_group.this.location
  resource_group_name     = azurerm_resource_group.this.name
  tags                    = local.tags
  display_name            = each.value.title
  description             = each.value.description
  severity                = each.value.severity
  scopes                  = [azurerm_log_analytics_workspace.this.id]
  evaluation_frequency    = each.value.every
  window_duration         = each.value.window
  auto_mitigation_enabled = true
  # A table that nothing has been written to yet is no mistake.
  skip_query_validation = true

  criteria {
    # A query returns a row for each thing that is wrong, and none when all is well.
    query                   = join("\n", each.value.query)
    time_aggregation_method = "Count"
    operator                = "GreaterThan"
    threshold               = 0

    failing_periods {
      number_of_evaluation_periods             = 1
      minimum_failing_periods_to_trigger_alert = 1
    }
  }

  action {
    action_groups = [azurerm_monitor_action_group.operators.id]
  }
}

resource "azurerm_monitor_metric_alert" "documents_throttled" {
  name                = "alert-metersentry-${var.environment_name}-documents-throttled"
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
  description         = "Cosmos DB answers 429: more request units are asked for than its autoscale maximum allows."
  severity            = 2
  scopes              = [azurerm_cosmosdb_account.this.id]
  frequency           = "PT5M"
  window_size         = "PT15M"
  auto_mitigate       = true

  criteria {
    metric_namespace = "Microsoft.DocumentDB/databaseAccounts"
    metric_name      = "TotalRequests"
    aggregation      = "Count"
    operator         = "GreaterThan"
    threshold        = 500

    dimension {
      name     = "StatusCode"
      operator = "Include"
      values   = ["429"]
    }
  }

  action {
    action_group_id = azurerm_monitor_action_group.operators.id
  }
}

resource "azurerm_monitor_metric_alert" "events_throttled" {
  name                = "alert-metersentry-${var.environment_name}-events-throttled"
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
  description         = "Event Hubs refuses requests: more arrives or is read than its throughput units allow."
  severity            = 2
  scopes              = [azurerm_eventhub_namespace.this.id]
  frequency           = "PT5M"
  window_size         = "PT15M"
  auto_mitigate       = true

  criteria {
    metric_namespace = "Microsoft.EventHub/namespaces"
    metric_name      = "ThrottledRequests"
    aggregation      = "Total"
    operator         = "GreaterThan"
    threshold        = 10
  }

  action {
    action_group_id = azurerm_monitor_action_group.operators.id
  }
}
