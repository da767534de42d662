import { bearer, json, type Case } from './case.fixture.ts'

export const monitoringCases: readonly Case[] = [
  {
    rule: 'datadog-api-key',
    secret: '{hex:32}',
    sends: 'GET api.datadoghq.com/api/v1/validate',
    header: ['dd-api-key', '$'],
    alive: json(200, { valid: true }),
    can: ['sends metrics, logs and events'],
    dead: [json(403, { errors: ['Forbidden'] })],
    odd: json(200, { valid: false }),
  },
  {
    rule: 'sentry-user-token',
    secret: 'sntryu_{hex:64}',
    sends: 'GET sentry.io/api/0/',
    header: bearer,
    alive: json(200, {
      version: '0',
      user: { name: 'One', email: 'one@corp.test' },
      auth: { scopes: ['org:read'] },
    }),
    whose: 'one@corp.test, One',
    can: ['org:read'],
    dead: [json(401, { detail: 'Invalid token' })],
    odd: json(200, { version: '0', user: null, auth: null }),
  },
  {
    rule: 'pagerduty-api-key',
    secret: '{alnum:20}',
    sends: 'GET api.pagerduty.com/abilities',
    header: ['authorization', 'Token token=$'],
    alive: json(200, { abilities: ['sso', 'teams'] }),
    can: ['sso', 'teams'],
    alsoAlive: [json(403, { error: { message: 'Access Denied', code: 2_010 } })],
    dead: [
      json(401, {
        error: { message: 'Caller did not supply credentials or did not provide the correct credentials.' },
      }),
    ],
    odd: json(402, { error: { message: 'Account does not have the abilities' } }),
  },
  {
    rule: 'grafana-service-account-token',
    secret: 'glsa_{alnum:32}_{hex:8}',
    sends: 'GET own.corp.test/api/org',
    header: bearer,
    alive: json(200, { id: 1, name: 'Main Org.' }),
    whose: 'Main Org.',
    alsoAlive: [json(403, { accessErrorId: 'ACE1', message: "You'll need additional permissions" })],
    dead: [json(401, { message: 'Invalid API key', messageId: 'api-key.invalid' })],
    odd: json(404, { message: 'Not found' }),
  },
]
