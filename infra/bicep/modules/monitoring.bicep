// Log Analytics and Application Insights, by identity only, with a daily cap; the host samples (host.json).
param environmentName string
param location string
param tags object
param principalId string
param dailyGb int
param days int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: 'log-metersentry-${environmentName}'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: days
    features: { disableLocalAuth: true }
    workspaceCapping: { dailyQuotaGb: dailyGb }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-metersentry-${environmentName}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
    // The host samples by itself; sampling again here would thin out what it has kept.
    SamplingPercentage: 100
  }
}

// Monitoring Metrics Publisher: the host and the app send their telemetry as this identity.
resource publisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, principalId, '3913510d-42f4-4e42-8a64-420c390055eb')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      '3913510d-42f4-4e42-8a64-420c390055eb'
    )
  }
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'MeterSentry ${environmentName}'
    category: 'workbook'
    sourceId: workspace.id
    serializedData: replace(loadTextContent('../../workbook.json'), 'WORKSPACE_ID', workspace.id)
  }
}

output workspaceId string = workspace.id
output insightsConnection string = insights.properties.ConnectionString
