// Alerts: queries over the product's own metrics and lines, and two over the platform's.
param environmentName string
param location string
param tags object
param email string
param workspaceId string
param eventHubsId string
param cosmosId string

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-metersentry-${environmentName}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'metersentry'
    enabled: true
    emailReceivers: [{ name: 'operators', emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource query 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for each in loadJsonContent('../../alerts.json').queries: {
    name: 'alert-metersentry-${environmentName}-${each.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: each.title
      description: each.description
      severity: each.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: each.every
      windowSize: each.window
      autoMitigate: true
      // A table that nothing has been written to yet is no mistake.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            // A query returns a row for each thing that is wrong, and none when all is well.
            query: join(each.query, '\n')
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [operators.id] }
    }
  }
]

resource documentsThrottled 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'alert-metersentry-${environmentName}-documents-throttled'
  location: 'global'
  tags: tags
  properties: {
    description: 'Cosmos DB answers 429: more request units are asked for than its autoscale maximum allows.'
    severity: 2
    enabled: true
    scopes: [cosmosId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'throttled'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.DocumentDB/databaseAccounts'
          metricName: 'TotalRequests'
          dimensions: [{ name: 'StatusCode', operator: 'Include', values: ['429'] }]
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 500
        }
      ]
    }
    actions: [{ actionGroupId: operators.id }]
  }
}

resource eventsThrottled 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'alert-metersentry-${environmentName}-events-throttled'
  location: 'global'
  tags: tags
  properties: {
    description: 'Event Hubs refuses requests: more arrives or is read than its throughput units allow.'
    severity: 2
    enabled: true
    scopes: [eventHubsId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'throttled'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.EventHub/namespaces'
          metricName: 'ThrottledRequests'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 10
        }
      ]
    }
    actions: [{ actionGroupId: operators.id }]
  }
}
