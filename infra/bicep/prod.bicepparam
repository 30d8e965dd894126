// az deployment sub create --location LOCATION --parameters infra/bicep/prod.bicepparam
using './main.bicep'

param environmentName = 'prod'
param location = 'eastus2'
param meters = 1000000
param intervalMinutes = 15
param alertEmail = 'metersentry-ops@example.com'
param authClientId = '00000000-0000-0000-0000-000000000000'

param zoneRedundant = true
param privateNetworking = true
