# A network of its own: the app goes out through one subnet, the services answer in the other.

locals {
  endpoints = {
    blob      = { target = azurerm_storage_account.this.id, group = "blob", zone = "privatelink.blob.core.windows.net" }
    queue     = { target = azurerm_storage_account.this.id, group = "queue", zone = "privatelink.queue.core.windows.net" }
    events    = { target = azurerm_eventhub_namespace.this.id, group = "namespace", zone = "privatelink.servicebus.windows.net" }
    documents = { target = azurerm_cosmosdb_account.this.id, group = "Sql", zone = "privatelink.documents.azure.com" }
    vault     = { target = azurerm_key_vault.this.id, group = "vault", zone = "privatelink.vaultcore.azure.net" }
  }
  private_endpoints = { for name, each in local.endpoints : name => each if var.private_networking }
}

resource "azurerm_virtual_network" "this" {
  count               = var.private_networking ? 1 : 0
  name                = "vnet-metersentry-${var.environment_name}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
  address_space       = ["10.80.0.0/22"]
}

resource "azurerm_subnet" "app" {
  count                = var.private_networking ? 1 : 0
  name                 = "app"
  resource_group_name  = azurerm_resource_group.this.name
  virtual_network_name = azurerm_virtual_network.this[0].name
  address_prefixes     = ["10.80.0.0/23"]

  # Flex Consumption runs in Container Apps' environments, and wants its subnet for itself.
  delegation {
    name = "functions"
    service_delegation {
      name    = "Microsoft.App/environments"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

resource "azurerm_subnet" "endpoints" {
  count                             = var.private_networking ? 1 : 0
  name                              = "endpoints"
  resource_group_name               = azurerm_resource_group.this.name
  virtual_network_name              = azurerm_virtual_network.this[0].name
  address_prefixes                  = ["10.80.2.0/24"]
  private_endpoint_network_policies = "Enabled"
}

resource "azurerm_private_dns_zone" "this" {
  for_each            = local.private_endpoints
  name                = each.value.zone
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  for_each             = local.private_endpoints
  name                 = "metersentry"
  private_dns_zone_id  = azurerm_private_dns_zone.this[each.key].id
  virtual_network_id   = azurerm_virtual_network.this[0].id
  registration_enabled = false
}

resource "azurerm_private_endpoint" "this" {
  for_each            = local.private_endpoints
  name                = "pe-metersentry-${var.environment_name}-${each.key}"
  location            = azurerm_resource_group.this.location
  resource_group_name = azurerm_resource_group.this.name
  tags                = local.tags
  subnet_id           = azurerm_subnet.endpoints[0].id

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = each.value.target
    subresource_names              = [each.value.group]
    is_manual_connection           = false
  }

  private_dns_zone_group {
    name                 = "default"
    private_dns_zone_ids = [azurerm_private_dns_zone.this[each.key].id]
  }
}
