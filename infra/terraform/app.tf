# The function app on Flex Consumption, its settings, and who may reach it.

locals {
  app_name       = "func-metersentry-${local.suffix}"
  python_version = "3.13"
  instance_mb    = 2048
  # Zone redundancy wants two of every kind that is always ready.
  ready = var.zone_redundant ? max(local.size.always_ready, 2) : local.size.always_ready

  # What an operator may set otherwise, by name.
  chosen = merge({
    ALERT_BUDGET_PER_1000_METERS_DAY = "5"
    ANOMALY_THRESHOLD                = ""
    PLANNED_OUTAGE_BUFFER_MIN        = "15"
    NO_READS_GRACE_MIN               = "90"
    CONTEXT_WEIGHT_MAX               = "2"
    UTILITY_NAME                     = ""
    UTILITY_PHONE                    = ""
    UTILITY_TIME_ZONE                = "UTC"
    OPERATOR_WEBHOOK_URL             = ""
    MESSAGES_PER_MINUTE              = "6000"
    SENDER_MESSAGES_PER_S            = "100"
  }, var.settings)
}

resource "azurerm_service_plan" "this" {
  name                   = "plan-metersentry-${var.environment_name}"
  location               = azurerm_resource_group.this.location
  resource_group_name    = azurerm_resource_group.this.name
  tags                   = local.tags
  os_type                = "Linux"
  sku_name               = "FC1"
  zone_balancing_enabled = var.zone_redundant
}

resource "azapi_resource" "app" {
  type      = "Microsoft.Web/sites@2025-03-01"
  name      = local.app_name
  parent_id = azurerm_resource_group.this.id
  location  = azurerm_resource_group.this.location
  tags      = merge(local.tags, { azd-service-name = "metersentry" })

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.app.id]
  }

  body = {
    kind = "functionapp,linux"
    properties = {
      serverFarmId              = azurerm_service_plan.this.id
      httpsOnly                 = true
      keyVaultReferenceIdentity = azurerm_user_assigned_identity.app.id
      virtualNetworkSubnetId    = var.private_networking ? azurerm_subnet.app[0].id : null
      functionAppConfig = {
        runtime = { name = "python", version = local.python_version }
        deployment = {
          storage = {
            type  = "blobContainer"
            value = "${azurerm_storage_account.this.primary_blob_endpoint}${local.package_container}"
            authentication = {
              type                           = "UserAssignedIdentity"
              userAssignedIdentityResourceId = azurerm_user_assigned_identity.app.id
            }
          }
        }
        scaleAndConcurrency = {
          maximumInstanceCount = local.size.instances
          instanceMemoryMB     = local.instance_mb
          alwaysReady = local.size.always_ready > 0 ? [
            { name = "function:score_readings", instanceCount = local.ready },
          ] : []
        }
      }
      siteConfig = {
        minTlsVersion = "1.2"
        appSettings = [
          { name = "AzureWebJobsStorage__accountName", value = azurerm_storage_account.this.name },
          { name = "AzureWebJobsStorage__credential", value = "managedidentity" },
          { name = "AzureWebJobsStorage__clientId", value = azurerm_user_assigned_identity.app.client_id },
          { name = "EventHubConnection__fullyQualifiedNamespace", value = "${azurerm_eventhub_namespace.this.name}.servicebus.windows.net" },
          { name = "EventHubConnection__credential", value = "managedidentity" },
          { name = "EventHubConnection__clientId", value = azurerm_user_assigned_identity.app.client_id },
          { name = "COSMOS__accountEndpoint", value = azurerm_cosmosdb_account.this.endpoint },
          { name = "COSMOS__credential", value = "managedidentity" },
          { name = "COSMOS__clientId", value = azurerm_user_assigned_identity.app.client_id },
          { name = "AZURE_CLIENT_ID", value = azurerm_user_assigned_identity.app.client_id },
          { name = "APPLICATIONINSIGHTS_CONNECTION_STRING", value = azurerm_application_insights.this.connection_string },
          { name = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING", value = "Authorization=AAD;ClientId=${azurerm_user_assigned_identity.app.client_id}" },
          # The exporter's reports about itself go to Microsoft, not to us.
          { name = "APPLICATIONINSIGHTS_SDKSTATS_DISABLED", value = "true" },
          { name = "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", value = "true" },
          # Signing in proves itself with the identity: the app registration has no secret.
          { name = "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID", value = azurerm_user_assigned_identity.app.client_id },
          { name = "METERSENTRY_STORE", value = "cosmos" },
          { name = "METERSENTRY_OUT", value = "/tmp/metersentry" },
          { name = "ALERT_BUDGET_PER_1000_METERS_DAY", value = local.chosen.ALERT_BUDGET_PER_1000_METERS_DAY },
          { name = "ANOMALY_THRESHOLD", value = local.chosen.ANOMALY_THRESHOLD },
          { name = "PLANNED_OUTAGE_BUFFER_MIN", value = local.chosen.PLANNED_OUTAGE_BUFFER_MIN },
          { name = "NO_READS_GRACE_MIN", value = local.chosen.NO_READS_GRACE_MIN },
          { name = "CONTEXT_WEIGHT_MAX", value = local.chosen.CONTEXT_WEIGHT_MAX },
          { name = "UTILITY_NAME", value = local.chosen.UTILITY_NAME },
          { name = "UTILITY_PHONE", value = local.chosen.UTILITY_PHONE },
          { name = "UTILITY_TIME_ZONE", value = local.chosen.UTILITY_TIME_ZONE },
          { name = "MESSAGES_PER_MINUTE", value = local.chosen.MESSAGES_PER_MINUTE },
          { name = "SENDER_MESSAGES_PER_S", value = local.chosen.SENDER_MESSAGES_PER_S },
          { name = "PUBLIC_URL", value = var.public_url == "" ? "https://${local.app_name}.azurewebsites.net" : var.public_url },
          { name = "TWILIO_ACCOUNT_SID", value = var.twilio_account_sid },
          { name = "TWILIO_AUTH_TOKEN", value = var.twilio_account_sid == "" ? "" : "@Microsoft.KeyVault(SecretUri=${azurerm_key_vault.this.vault_uri}secrets/twilio-auth-token)" },
          { name = "TWILIO_FROM", value = var.twilio_from },
          { name = "TWILIO_MESSAGING_SERVICE_SID", value = var.twilio_messaging_service_sid },
          { name = "WEBHOOK_URL", value = var.webhook_url },
          { name = "WEBHOOK_SECRET", value = var.webhook_url == "" ? "" : "@Microsoft.KeyVault(SecretUri=${azurerm_key_vault.this.vault_uri}secrets/webhook-secret)" },
          { name = "OPERATOR_WEBHOOK_URL", value = local.chosen.OPERATOR_WEBHOOK_URL },
          { name = "OPERATOR_WEBHOOK_SECRET", value = local.chosen.OPERATOR_WEBHOOK_URL == "" ? "" : "@Microsoft.KeyVault(SecretUri=${azurerm_key_vault.this.vault_uri}secrets/operator-webhook-secret)" },
        ]
      }
    }
  }

  response_export_values = ["properties.defaultHostName"]

  # It starts when it has its roles, or references to secrets stay unresolved, and when its services have names.
  depends_on = [
    azurerm_storage_container.this,
    azurerm_role_assignment.blob_owner,
    azurerm_role_assignment.queue_contributor,
    azurerm_role_assignment.readings_receiver,
    azurerm_role_assignment.work_orders_receiver,
    azurerm_role_assignment.incidents_sender,
    azurerm_role_assignment.secrets_user,
    azurerm_role_assignment.metrics_publisher,
    azurerm_cosmosdb_sql_role_assignment.contributor,
    azurerm_private_endpoint.this,
    azurerm_private_dns_zone_virtual_network_link.this,
  ]
}

# Publishing takes an identity as well: no user name and password.
resource "azapi_update_resource" "publishing" {
  for_each  = toset(["ftp", "scm"])
  type      = "Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01"
  name      = each.key
  parent_id = azapi_resource.app.id
  body      = { properties = { allow = false } }
}

# People and programs sign in with Entra ID before a request reaches the app; there the roles viewer, operator and
# inspector decide. Twilio cannot sign in: what it sends is believed by its signature.
resource "azapi_update_resource" "auth" {
  type      = "Microsoft.Web/sites/config@2025-03-01"
  name      = "authsettingsV2"
  parent_id = azapi_resource.app.id

  body = {
    properties = {
      platform = { enabled = true }
      globalValidation = {
        requireAuthentication       = true
        unauthenticatedClientAction = "RedirectToLoginPage"
        redirectToProvider          = "azureactivedirectory"
        excludedPaths               = ["/api/twilio/status", "/api/twilio/inbound"]
      }
      identityProviders = {
        azureActiveDirectory = {
          enabled = true
          registration = {
            clientId                = var.auth_client_id
            openIdIssuer            = "https://login.microsoftonline.com/${data.azurerm_client_config.current.tenant_id}/v2.0"
            clientSecretSettingName = "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"
          }
          validation = { allowedAudiences = [var.auth_client_id, "api://${var.auth_client_id}"] }
        }
      }
      login        = { tokenStore = { enabled = false } }
      httpSettings = { requireHttps = true }
    }
  }
}
