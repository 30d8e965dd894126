output "resource_group_name" {
  value = azurerm_resource_group.this.name
}

output "function_app_name" {
  value = azapi_resource.app.name
}

output "app_url" {
  value = "https://${azapi_resource.app.output.properties.defaultHostName}"
}

output "key_vault_name" {
  value = azurerm_key_vault.this.name
}

output "event_hubs_host" {
  value = "${azurerm_eventhub_namespace.this.name}.servicebus.windows.net"
}

output "readings_hub_id" {
  value = azurerm_eventhub.readings.id
}

output "identity_principal_id" {
  value = azurerm_user_assigned_identity.app.principal_id
}

output "cosmos_account_name" {
  value = azurerm_cosmosdb_account.this.name
}

output "storage_account_name" {
  value = azurerm_storage_account.this.name
}
