// What `azd up` deploys with; `azd env set NAME VALUE` gives the values.
using './main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param location = readEnvironmentVariable('AZURE_LOCATION')
param meters = int(readEnvironmentVariable('METERS'))
param intervalMinutes = int(readEnvironmentVariable('INTERVAL_MINUTES', '15'))
param alertEmail = readEnvironmentVariable('ALERT_EMAIL')
param authClientId = readEnvironmentVariable('AUTH_CLIENT_ID')
param privateNetworking = bool(readEnvironmentVariable('PRIVATE_NETWORKING', 'false'))
param zoneRedundant = bool(readEnvironmentVariable('ZONE_REDUNDANT', 'false'))
param twilioAccountSid = readEnvironmentVariable('TWILIO_ACCOUNT_SID', '')
param twilioFrom = readEnvironmentVariable('TWILIO_FROM', '')
param twilioMessagingServiceSid = readEnvironmentVariable('TWILIO_MESSAGING_SERVICE_SID', '')
param webhookUrl = readEnvironmentVariable('WEBHOOK_URL', '')
