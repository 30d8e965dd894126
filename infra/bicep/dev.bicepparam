// A small system to try things on: az deployment sub create --location LOCATION --parameters infra/bicep/dev.bicepparam
using './main.bicep'

param environmentName = 'dev'
param location = 'eastus2'
param meters = 10000
param intervalMinutes = 15
param alertEmail = 'metersentry-dev@example.com'
param authClientId = '00000000-0000-0000-0000-000000000000'

param logDailyGb = 1
param logDays = 30
param auditDays = 30
