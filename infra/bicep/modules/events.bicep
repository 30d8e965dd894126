// Event Hubs: readings and work orders in, incidents out.
param name string
param location string
param tags object
param principalId string
param workspaceId string
@description('Of meter-readings; fixed at creation, and the most instances that can read at once.')
param partitions int
@description('Where inflating stops; it starts at one.')
param throughputUnits int
param isPrivate bool

// Of hubs with little traffic.
var quietPartitions = 4
// A week is the most that Standard keeps, and what an outage of the product may last without loss.
var retention = { cleanupPolicy: 'Delete', retentionTimeInHours: 168 }

resource namespace 'Microsoft.EventHub/namespaces@2024-01-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'Standard', tier: 'Standard', capacity: 1 }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    isAutoInflateEnabled: true
    maximumThroughputUnits: throughputUnits
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

resource readings 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: namespace
  name: 'meter-readings'
  properties: {
    partitionCount: partitions
    retentionDescription: retention
  }
}

resource score 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = {
  parent: readings
  name: 'score'
}

resource workOrders 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: namespace
  name: 'work-orders'
  properties: {
    partitionCount: quietPartitions
    retentionDescription: retention
  }
}

resource context 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2024-01-01' = {
  parent: workOrders
  name: 'context'
}

resource incidents 'Microsoft.EventHub/namespaces/eventhubs@2024-01-01' = {
  parent: namespace
  name: 'grid-incidents'
  properties: {
    partitionCount: quietPartitions
    retentionDescription: retention
  }
}

// Azure Event Hubs Data Receiver: readings are taken from this hub.
resource readingsReceiver 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: readings
  name: guid(namespace.id, 'meter-readings', principalId, 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      'a638d3c7-ab3a-418d-83e6-5f17a39d4fde'
    )
  }
}

// Azure Event Hubs Data Receiver: work orders are taken from this hub.
resource workOrdersReceiver 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workOrders
  name: guid(namespace.id, 'work-orders', principalId, 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      'a638d3c7-ab3a-418d-83e6-5f17a39d4fde'
    )
  }
}

// Azure Event Hubs Data Sender: incidents are published to this hub, and to no other.
resource incidentsSender 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: incidents
  name: guid(namespace.id, 'grid-incidents', principalId, '2b629674-e913-4c01-ae53-ef4638d8f975')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      '2b629674-e913-4c01-ae53-ef4638d8f975'
    )
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: namespace
  name: 'to-log-analytics'
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'OperationalLogs', enabled: true }
      { category: 'AutoScaleLogs', enabled: true }
    ]
  }
}

output id string = namespace.id
output host string = '${namespace.name}.servicebus.windows.net'
output readingsHubId string = readings.id
