import { isIP } from 'node:net'

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

export class ConfigError extends Error {
  constructor(problems) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

const SETTINGS = {
  LINKS_HOST: { key: 'host', fallback: '127.0.0.1', parse: nonEmpty },
  LINKS_PORT: { key: 'port', fallback: '3000', parse: (text) => integer(text, 0, 65535) },
  LINKS_DATA: { key: 'dataFolder', fallback: './data', parse: nonEmpty },
  LINKS_PUBLIC_URL: { key: 'publicUrl', parse: origin },
  LINKS_TOKENS: { key: 'tokens', parse: tokenEntries },
  LINKS_TRUST_PROXY: { key: 'trustProxy', parse: addresses },
  LINKS_RATE_PER_MINUTE: {
    key: 'ratePerMinute',
    fallback: '300',
    parse: (text) => integer(text, 1, 1_000_000),
  },
  LINKS_LOG_LEVEL: { key: 'logLevel', fallback: 'info', parse: (text) => oneOf(text, LOG_LEVELS) },
}

/**
 * Settings from environment variables. An unset or empty variable means its default.
 * @throws {ConfigError} naming every mistake at once, unknown LINKS_ variables included
 */
export function readConfig(env) {
  const problems = Object.keys(env)
    .filter((name) => name.startsWith('LINKS_') && !Object.hasOwn(SETTINGS, name))
    .map((name) => `${name} is not a setting; known are ${Object.keys(SETTINGS).join(', ')}`)
  const config = {}
  for (const [name, { key, fallback, parse }] of Object.entries(SETTINGS)) {
    const text = env[name] || fallback
    try {
      config[key] = text === undefined ? undefined : parse(text)
    } catch (error) {
      problems.push(`${name} ${error.message}`)
    }
  }
  if (!env.LINKS_TOKENS) problems.push('LINKS_TOKENS is missing; make an entry with: octo-links token <name>')
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(config)
}

function nonEmpty(text) {
  if (text.trim() === '') throw new Error('must not be blank')
  return text
}

function integer(text, min, max) {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN
  if (!(value >= min && value <= max)) throw new Error(`must be a whole number from ${min} to ${max}`)
  return value
}

function oneOf(text, choices) {
  if (!choices.includes(text)) throw new Error(`must be one of ${choices.join(', ')}`)
  return text
}

function origin(text) {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`)
    throw new Error('must be an http(s) origin such as https://go.example.com, without a path')
  return url.origin
}

function tokenEntries(text) {
  const tokens = text.split(',').map((entry) => {
    const match = /^([A-Za-z0-9._-]{1,64}):([0-9a-f]{64})$/.exec(entry.trim())
    // The entry is not quoted: somebody may have pasted the token itself.
    if (!match) throw new Error('must be a comma-separated list of <name>:<sha256 of the token in hex>')
    return { name: match[1], digest: match[2] }
  })
  if (new Set(tokens.map(({ name }) => name)).size < tokens.length) throw new Error('names a holder twice')
  return tokens
}

// Never simply "true": whoever may set X-Forwarded-For chooses the address that is rate-limited.
function addresses(text) {
  const list = text.split(',').map((entry) => entry.trim())
  for (const entry of list) {
    const [address, bits, ...rest] = entry.split('/')
    const family = isIP(address)
    const bitsOk = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
    if (!family || !bitsOk || rest.length > 0)
      throw new Error('must be a comma-separated list of addresses or CIDR ranges')
  }
  return list
}
