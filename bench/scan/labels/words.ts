import type { Random } from './random.ts'

/** `DB_PASSWORD` in the ways in which files write names. */
export const snake = (name: string): string => name.toLowerCase()
export const kebab = (name: string): string => snake(name).replaceAll('_', '-')
export const dotted = (name: string): string => snake(name).replaceAll('_', '.')
export const pascal = (name: string): string =>
  snake(name).replaceAll(/(?:^|_)(\w)/g, (_, a: string) => a.toUpperCase())
export const camel = (name: string): string => pascal(name).replace(/^./, (a) => a.toLowerCase())

export const jsonText = (value: string): string => JSON.stringify(value).slice(1, -1)
export const xmlText = (value: string): string =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
export const base64Text = (value: string): string => Buffer.from(value).toString('base64')

export const services =
  'billing orders catalog search mailer gateway ledger inventory profile reports media worker scheduler notifier quotes tracking uploads checkout pricing returns'.split(
    ' ',
  )
export const companies = 'northwind contoso acme-labs bluefin larkspur greyhaven tidewater fernhill'.split(
  ' ',
)
export const people = 'anna bjorn carla deniz elif farid greta henrik ines jonas kaya lena marek nadia'.split(
  ' ',
)
const nouns =
  'harbor winter river copper meadow lantern falcon marble velvet canyon ember saddle thistle anchor walnut glacier orchid pepper summit tundra'.split(
    ' ',
  )

export const noun = (random: Random): string => random.pick(nouns)

export function hostName(random: Random): string {
  const zone = random.pick(['internal', 'corp', 'prod', 'svc'])
  return `${random.pick(['db', 'app', 'cache', 'mq', 'api'])}-${random.between(1, 9)}.${zone}.${random.pick(companies)}.io`
}

/** What stands beside secrets and is none: nobody is wrong who leaves these alone, and who reports one is. */
const plain: readonly ((random: Random) => readonly [string, string])[] = [
  (random) => ['LOG_LEVEL', random.pick(['info', 'debug', 'warn', 'error'])],
  (random) => ['HTTP_PORT', String(random.between(3000, 9999))],
  (random) => ['DB_HOST', hostName(random)],
  (random) => ['DB_USER', `${random.pick(services)}_rw`],
  (random) => ['REGION', random.pick(['eu-west-1', 'us-east-2', 'europe-north1', 'westeurope'])],
  (random) => ['REQUEST_TIMEOUT_MS', String(random.between(100, 90_000))],
  (random) => ['FEATURE_NEW_CHECKOUT', random.pick(['true', 'false'])],
  (random) => ['SERVICE_NAME', `${random.pick(companies)}-${random.pick(services)}`],
  (random) => [
    'BASE_URL',
    `https://${random.pick(services)}.${random.pick(companies)}.io/v${random.between(1, 4)}`,
  ],
  (random) => ['MAX_POOL_SIZE', String(random.between(2, 80))],
  (random) => ['RELEASE', `${random.between(0, 9)}.${random.between(0, 40)}.${random.between(0, 20)}`],
  (random) => ['CACHE_TTL_SECONDS', String(random.between(10, 86_400))],
  (random) => ['SUPPORT_EMAIL', `support@${random.pick(companies)}.io`],
  (random) => ['TOKEN_TTL', `${random.between(1, 60)}m`],
  (random) => ['PASSWORD_MIN_LENGTH', String(random.between(8, 16))],
  (random) => ['QUEUE_NAME', `${random.pick(services)}-events`],
  () => ['TIME_ZONE', 'Europe/Berlin'],
]

export const plainSettings = (random: Random, count: number): (readonly [string, string])[] =>
  random.some(plain, count).map((make) => make(random))
