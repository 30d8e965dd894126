// The function app on Flex Consumption, its settings, and who may reach it.
param name string
param planName string
param location string
param tags object
param identityId string
param identityClientId string
param instances int
@description('Instances of score_readings that are never stopped.')
param alwaysReady int
param zoneRedundant bool
@description('Subnet that the app goes out through; empty without private networking.')
param subnetId string
param storageName string
param packageContainerUrl string
param eventHubsHost string
param cosmosEndpoint string
param vaultUri string
param insightsConnection string
param authClientId string
param settings object
param twilioAccountSid string
param twilioFrom string
param twilioMessagingServiceSid string
param webhookUrl string
param publicUrl string

var pythonVersion = '3.13'
var instanceMb = 2048
// Zone redundancy wants two of every kind that is always ready.
var ready = zoneRedundant ? max(alwaysReady, 2) : alwaysReady
// What an operator may set otherwise, by name.
var usual = {
  ALERT_BUDGET_PER_1000_METERS_DAY: '5'
  ANOMALY_THRESHOLD: ''
  PLANNED_OUTAGE_BUFFER_MIN: '15'
  NO_READS_GRACE_MIN: '90'
  CONTEXT_WEIGHT_MAX: '2'
  UTILITY_NAME: ''
  UTILITY_PHONE: ''
  UTILITY_TIME_ZONE: 'UTC'
  OPERATOR_WEBHOOK_URL: ''
  MESSAGES_PER_MINUTE: '6000'
  SENDER_MESSAGES_PER_S: '100'
}
var chosen = union(usual, settings)

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'metersentry' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      runtime: { name: 'python', version: pythonVersion }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        maximumInstanceCount: instances
        instanceMemoryMB: instanceMb
        alwaysReady: alwaysReady > 0 ? [{ name: 'function:score_readings', instanceCount: ready }] : []
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      appSettings: [
        { name: 'AzureWebJobsStorage__accountName', value: storageName }
        { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
        { name: 'AzureWebJobsStorage__clientId', value: identityClientId }
        { name: 'EventHubConnection__fullyQualifiedNamespace', value: eventHubsHost }
        { name: 'EventHubConnection__credential', value: 'managedidentity' }
        { name: 'EventHubConnection__clientId', value: identityClientId }
        { name: 'COSMOS__accountEndpoint', value: cosmosEndpoint }
        { name: 'COSMOS__credential', value: 'managedidentity' }
        { name: 'COSMOS__clientId', value: identityClientId }
        { name: 'AZURE_CLIENT_ID', value: identityClientId }
        { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insightsConnection }
        { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'Authorization=AAD;ClientId=${identityClientId}' }
        // The exporter's reports about itself go to Microsoft, not to us.
        { name: 'APPLICATIONINSIGHTS_SDKSTATS_DISABLED', value: 'true' }
        { name: 'APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL', value: 'true' }
        // Signing in proves itself with the identity: the app registration has no secret.
        { name: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID', value: identityClientId }
        { name: 'METERSENTRY_STORE', value: 'cosmos' }
        { name: 'METERSENTRY_OUT', value: '/tmp/metersentry' }
        { name: 'ALERT_BUDGET_PER_1000_METERS_DAY', value: chosen.ALERT_BUDGET_PER_1000_METERS_DAY }
        { name: 'ANOMALY_THRESHOLD', value: chosen.ANOMALY_THRESHOLD }
        { name: 'PLANNED_OUTAGE_BUFFER_MIN', value: chosen.PLANNED_OUTAGE_BUFFER_MIN }
        { name: 'NO_READS_GRACE_MIN', value: chosen.NO_READS_GRACE_MIN }
        { name: 'CONTEXT_WEIGHT_MAX', value: chosen.CONTEXT_WEIGHT_MAX }
        { name: 'UTILITY_NAME', value: chosen.UTILITY_NAME }
        { name: 'UTILITY_PHONE', value: chosen.UTILITY_PHONE }
        { name: 'UTILITY_TIME_ZONE', value: chosen.UTILITY_TIME_ZONE }
        { name: 'MESSAGES_PER_MINUTE', value: chosen.MESSAGES_PER_MINUTE }
        { name: 'SENDER_MESSAGES_PER_S', value: chosen.SENDER_MESSAGES_PER_S }
        { name: 'PUBLIC_URL', value: empty(publicUrl) ? 'https://${name}.azurewebsites.net' : publicUrl }
        { name: 'TWILIO_ACCOUNT_SID', value: twilioAccountSid }
        {
          name: 'TWILIO_AUTH_TOKEN'
          value: empty(twilioAccountSid) ? '' : '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/twilio-auth-token)'
        }
        { name: 'TWILIO_FROM', value: twilioFrom }
        { name: 'TWILIO_MESSAGING_SERVICE_SID', value: twilioMessagingServiceSid }
        { name: 'WEBHOOK_URL', value: webhookUrl }
        {
          name: 'WEBHOOK_SECRET'
          value: empty(webhookUrl) ? '' : '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/webhook-secret)'
        }
        { name: 'OPERATOR_WEBHOOK_URL', value: chosen.OPERATOR_WEBHOOK_URL }
        {
          name: 'OPERATOR_WEBHOOK_SECRET'
          value: empty(chosen.OPERATOR_WEBHOOK_URL) ? '' : '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/operator-webhook-secret)'
        }
      ]
    }
  }
}

// Publishing takes an identity as well: no user name and password.
@batchSize(1)
resource publishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = [
  for each in ['ftp', 'scm']: {
    parent: app
    name: each
    properties: { allow: false }
  }
]

// People and programs sign in with Entra ID before a request reaches the app; there the roles viewer, operator and
// inspector decide. Twilio cannot sign in: what it sends is believed by its signature.
resource auth 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      excludedPaths: ['/api/twilio/status', '/api/twilio/inbound']
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: authClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
        }
        validation: { allowedAudiences: [authClientId, 'api://${authClientId}'] }
      }
    }
    login: { tokenStore: { enabled: false } }
    httpSettings: { requireHttps: true }
  }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
