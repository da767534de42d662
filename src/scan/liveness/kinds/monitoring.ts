import type { Kind } from '../model.ts'
import { alive, bearer, dead, get, has, header, listAt, over, says } from '../words.ts'

/** Datadog, Sentry, PagerDuty and Grafana. */
export const monitoring: readonly Kind[] = [
  {
    rules: ['datadog-api-key'],
    source: 'https://docs.datadoghq.com/api/latest/authentication/#validate-api-key',
    host: 'api.datadoghq.com',
    // Each site knows its own.
    elsewhere: 'host',
    form: /^[a-f0-9]{32}$/,
    request: get('/api/v1/validate', header('dd-api-key')),
    meanings: [alive(200, says('.valid', true)), dead(403, says('.errors[0]', 'Forbidden'))],
    whose: [],
    can: () => ['sends metrics, logs and events'],
  },
  {
    rules: ['sentry-org-token', 'sentry-user-token'],
    source: 'https://docs.sentry.io/api/auth/',
    host: 'sentry.io',
    elsewhere: 'host',
    form: /^(?:sntrys_[A-Za-z0-9+/=]{60,400}_[A-Za-z0-9+/]{43}|sntry[uai]_[a-f0-9]{64})$/,
    request: get('/api/0/', bearer),
    // Without a token it answers, too: what says alive is that it knows whose it is.
    meanings: [
      alive(200, has('.auth.scopes')),
      over(401, says('.detail', /^Token expired/)),
      dead(401, says('.detail', /^Invalid (?:org )?token/)),
    ],
    whose: ['.user.email', '.user.name'],
    can: listAt('.auth.scopes'),
  },
  {
    rules: ['pagerduty-api-key'],
    source: 'https://developer.pagerduty.com/api-reference/2e3c0fd5f4ee5-list-abilities',
    host: 'api.pagerduty.com',
    // The European region knows its own.
    elsewhere: 'host',
    form: /^[A-Za-z0-9_+-]{20}$/,
    request: get('/abilities', header('authorization', 'Token token=')),
    meanings: [
      alive(200, has('.abilities')),
      dead(401, says('.error.message', /correct credentials/)),
      alive(403, says('.error.message', /Access Denied/)),
    ],
    whose: [],
    can: listAt('.abilities'),
  },
  {
    rules: ['grafana-service-account-token'],
    source: 'https://grafana.com/docs/grafana/latest/developers/http_api/org/#get-current-organization',
    host: undefined,
    // There may be another server of yours.
    elsewhere: 'always',
    form: /^glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}$/,
    request: get('/api/org', bearer),
    meanings: [
      alive(200, has('.id', '.name')),
      over(401, says('.message', /^Expired API key/i)),
      dead(401, says('.message', /^(?:Invalid API key|Unauthorized)/i)),
      dead(401, says('.messageId', /^api-key\.|^auth\./)),
      alive(403, says('.accessErrorId', /./)),
    ],
    whose: ['.name'],
  },
]
