// MeterSentry in one resource group. Five values have to be given: location, meters, intervalMinutes, alertEmail and
// authClientId; dev.bicepparam and prod.bicepparam show them. infra/terraform describes the same resources.
targetScope = 'subscription'

@description('Name of this deployment; part of every resource\'s name.')
@minLength(2)
@maxLength(12)
param environmentName string

@description('Azure region, for example eastus2.')
param location string

@description('Meters that will report within the next years: partitions cannot be changed later.')
@minValue(1)
@maxValue(10000000)
param meters int

@description('Minutes between two readings of a meter.')
@minValue(1)
@maxValue(1440)
param intervalMinutes int = 15

@description('Who gets the alerts.')
param alertEmail string

@description('Client id of the app registration that people sign in to; docs/deploy.md makes one.')
param authClientId string

@description('Storage, Cosmos DB, Event Hubs and Key Vault answer on a private network only.')
param privateNetworking bool = false

@description('Survive the loss of one data centre of the region.')
param zoneRedundant bool = false

@description('Gigabytes a day that Log Analytics takes before it stops listening.')
@minValue(1)
param logDailyGb int = 5

@description('Days that logs and metrics are kept.')
@minValue(30)
@maxValue(730)
param logDays int = 90

@description('Days that the audit trail of operators\' actions is kept.')
@minValue(1)
param auditDays int = 1095

@description('Settings that differ from the defaults in modules/app.bicep, by name: { UTILITY_NAME: \'Example Power\' }.')
param settings object = {}

@description('Account SID of Twilio; empty: no SMS and no calls. The token goes into Key Vault.')
param twilioAccountSid string = ''

@description('Number, short code or name to send from; or else a messaging service.')
param twilioFrom string = ''

@description('SID of a Twilio messaging service to send from.')
param twilioMessagingServiceSid string = ''

@description('Address of the utility\'s own app for messages; its secret goes into Key Vault.')
param webhookUrl string = ''

@description('Public address of this app where a proxy stands in front of it; empty: its own.')
param publicUrl string = ''

var tags = { product: 'metersentry', environment: environmentName, 'azd-env-name': environmentName }
var suffix = take(uniqueString(subscription().id, environmentName, location), 8)

// One row of the table that `python -m local capacity` computes: the first that is large enough.
var readingsAMinute = meters / intervalMinutes
var size = first(filter(loadJsonContent('../capacity.json').rows, row => readingsAMinute <= row.readings_a_minute))!

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-metersentry-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  name: 'identity'
  params: {
    name: 'id-metersentry-${environmentName}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  name: 'monitoring'
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    dailyGb: logDailyGb
    days: logDays
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  name: 'storage'
  params: {
    name: 'stmeters${suffix}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    isPrivate: privateNetworking
    zoneRedundant: zoneRedundant
  }
}

module events 'modules/events.bicep' = {
  scope: group
  name: 'events'
  params: {
    name: 'evhns-metersentry-${suffix}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    partitions: size.partitions
    throughputUnits: size.throughput_units
    isPrivate: privateNetworking
  }
}

module documents 'modules/documents.bicep' = {
  scope: group
  name: 'documents'
  params: {
    name: 'cosmos-metersentry-${suffix}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    packsRequestUnits: size.packs_request_units
    sharedRequestUnits: size.shared_request_units
    auditDays: auditDays
    isPrivate: privateNetworking
    zoneRedundant: zoneRedundant
  }
}

module vault 'modules/vault.bicep' = {
  scope: group
  name: 'vault'
  params: {
    name: 'kv-meters-${suffix}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    workspaceId: monitoring.outputs.workspaceId
    isPrivate: privateNetworking
  }
}

module network 'modules/network.bicep' = if (privateNetworking) {
  scope: group
  name: 'network'
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    storageId: storage.outputs.id
    eventHubsId: events.outputs.id
    cosmosId: documents.outputs.id
    vaultId: vault.outputs.id
  }
}

module app 'modules/app.bicep' = {
  scope: group
  name: 'app'
  params: {
    name: 'func-metersentry-${suffix}'
    planName: 'plan-metersentry-${environmentName}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    instances: size.instances
    alwaysReady: size.always_ready
    zoneRedundant: zoneRedundant
    subnetId: privateNetworking ? network!.outputs.appSubnetId : ''
    storageName: storage.outputs.name
    packageContainerUrl: storage.outputs.packageContainerUrl
    eventHubsHost: events.outputs.host
    cosmosEndpoint: documents.outputs.endpoint
    vaultUri: vault.outputs.uri
    insightsConnection: monitoring.outputs.insightsConnection
    authClientId: authClientId
    settings: settings
    twilioAccountSid: twilioAccountSid
    twilioFrom: twilioFrom
    twilioMessagingServiceSid: twilioMessagingServiceSid
    webhookUrl: webhookUrl
    publicUrl: publicUrl
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  name: 'alerts'
  params: {
    environmentName: environmentName
    location: location
    tags: tags
    email: alertEmail
    workspaceId: monitoring.outputs.workspaceId
    eventHubsId: events.outputs.id
    cosmosId: documents.outputs.id
  }
}

output resourceGroupName string = group.name
output functionAppName string = app.outputs.name
output appUrl string = app.outputs.url
output keyVaultName string = vault.outputs.name
output eventHubsHost string = events.outputs.host
output readingsHubId string = events.outputs.readingsHubId
output identityPrincipalId string = identity.outputs.principalId
output cosmosAccountName string = documents.outputs.name
output storageAccountName string = storage.outputs.name
