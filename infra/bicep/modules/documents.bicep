// Cosmos DB: one database. Packs take nearly every request unit and have throughput of their own; the rest share.
param name string
param location string
param tags object
param principalId string
param workspaceId string
@description('Most request units a second of the packs; a tenth of it is always paid for.')
param packsRequestUnits int
@description('The same of all other containers together.')
param sharedRequestUnits int
param auditDays int
param isPrivate bool
param zoneRedundant bool

// As functions/adapters/cosmos/schema.py has it; a test compares them. ttl: seconds, -1 documents say it themselves,
// 0 no document expires.
var containers = [
  { name: 'rosters', partitionKey: '/feeder_id', indexed: ['/customer_id/[]'], ttl: 0 }
  { name: 'packs', partitionKey: '/id', indexed: ['/due_at', '/outbox_pending'], ttl: 0 }
  { name: 'anomalies', partitionKey: '/feeder_id', indexed: ['/start', '/kind'], ttl: 10368000 }
  { name: 'incidents', partitionKey: '/feeder_id', indexed: ['/type', '/state', '/started_at', '/release_at'], ttl: -1 }
  { name: 'grid_context', partitionKey: '/scope', indexed: ['/end'], ttl: -1 }
  { name: 'customers', partitionKey: '/customer_id', indexed: ['/phone'], ttl: 0 }
  { name: 'deliveries', partitionKey: '/customer_id', indexed: ['/state', '/not_before', '/critical'], ttl: 34560000 }
  { name: 'audit', partitionKey: '/day', indexed: ['/at'], ttl: auditDays * 86400 }
  { name: 'leases', partitionKey: '/id', indexed: [], ttl: 0 }
]

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' = {
  name: name
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    consistencyPolicy: { defaultConsistencyLevel: 'Session' }
    locations: [{ locationName: location, failoverPriority: 0, isZoneRedundant: zoneRedundant }]
    // As long as dead letters live: whatever is restored can be brought up to date by replaying them.
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: { tier: 'Continuous30Days' }
    }
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-04-15' = {
  parent: account
  name: 'metersentry'
  properties: {
    resource: { id: 'metersentry' }
    options: { autoscaleSettings: { maxThroughput: sharedRequestUnits } }
  }
}

resource container 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-04-15' = [
  for each in containers: {
    parent: database
    name: each.name
    properties: {
      resource: {
        id: each.name
        partitionKey: { paths: [each.partitionKey], kind: 'Hash', version: 2 }
        defaultTtl: each.ttl == 0 ? null : each.ttl
        // Every indexed path costs request units on each write: nothing but what is named.
        indexingPolicy: {
          indexingMode: 'consistent'
          automatic: true
          includedPaths: map(each.indexed, path => { path: '${path}/?' })
          excludedPaths: [{ path: '/*' }]
        }
      }
      options: each.name == 'packs' ? { autoscaleSettings: { maxThroughput: packsRequestUnits } } : {}
    }
  }
]

// Cosmos DB Built-in Data Contributor: documents are read and written; of the account itself nothing can be changed.
resource contributor 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-04-15' = {
  parent: account
  name: guid(account.id, principalId, '00000000-0000-0000-0000-000000000002')
  properties: {
    principalId: principalId
    roleDefinitionId: '${account.id}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002'
    scope: account.id
  }
}

// A line for every request would cost more than the requests: what changes the account is logged, and which partitions grow large.
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      { category: 'ControlPlaneRequests', enabled: true }
      { category: 'PartitionKeyStatistics', enabled: true }
    ]
  }
}

output id string = account.id
output name string = account.name
output endpoint string = account.properties.documentEndpoint
