# Log Analytics and Application Insights, by identity only, with a daily cap; the host samples (host.json).

resource "azurerm_log_analytics_workspace" "this" {
  name                         = "log-metersentry-${var.environment_name}"
  location                     = azurerm_resource_group.this.location
  resource_group_name          = azurerm_resource_group.this.name
  tags                         = local.tags
  sku                          = "PerGB2018"
  retention_in_days            = var.log_days
  daily_quota_gb               = var.log_daily_gb
  local_authentication_enabled = false
}

resource "azurerm_application_insights" "this" {
  name                         = "appi-metersentry-${var.environment_name}"
  location                     = azurerm_resource_group.this.location
  resource_group_name          = azurerm_resource_group.this.name
  tags                         = local.tags
  application_type             = "web"
  workspace_id                 = azurerm_log_analytics_workspace.this.id
  local_authentication_enabled = false
  # The host samples by itself; sampling again here would thin out what it has kept.
  sampling_percentage = 100
}

# The host and the app send their telemetry as this identity.
resource "azurerm_role_assignment" "metrics_publisher" {
  scope                = azurerm_application_insights.this.id
  role_definition_name = "Monitoring Metrics Publisher"
  principal_id         = azurerm_user_assigned_identity.app.principal_id
  principal_type       = "ServicePrincipal"
}

resource "azurerm_application_insights_workbook" "this" {
  name                = uuidv5("url", "${azurerm_resource_group.this.id}/workbook")
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
  display_name        = "MeterSentry ${var.environment_name}"
  source_id           = lower(azurerm_log_analytics_workspace.this.id)
  data_json           = replace(file("${path.module}/../workbook.json"), "WORKSPACE_ID", azurerm_log_analytics_workspace.this.id)
}
