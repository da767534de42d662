import { MayflyError, escapeUnseen, type Secret } from '../lib/index.ts'
import { jsonOf, type HttpAnswer, type HttpQuestion } from '../http-client/index.ts'
import { certificateProblem } from '../connections/index.ts'
import { createMasker } from '../mask/index.ts'
import type { HeldConnection, IssuerTools } from './issuer.ts'
import { UpstreamBusy } from './upstream-busy.ts'

/** An API as one issuer asks it for one credential. */
export interface Api {
  /**
   * Asks; 2xx and 4xx are answers. Throws `upstream_unreachable` (nobody answers, or with 5xx: it may have done it all the
   * same), `UpstreamBusy`, and `credential_failed` for a redirect and for what the client refuses.
   */
  ask(question: Omit<HttpQuestion, 'ca' | 'dial'>): Promise<HttpAnswer>
  /** The next page that an answer names (RFC 8288), if it is on the same host. */
  nextPage(answer: HttpAnswer, url: string): string | undefined
  /** The error of an answer that is a no, in the upstream's own words without a secret. */
  refusal(answer: HttpAnswer, doing: string): MayflyError
  /** The error of an answer that is not what its reference says. */
  odd(what: string): MayflyError
  /** Who answers, for people. */
  readonly whose: string
}

interface Asking {
  readonly tools: Pick<IssuerTools, 'http' | 'clock'>
  readonly connection: HeldConnection
  /** Which may come back in an answer: each is looked for in all that is told on. */
  readonly secrets: readonly Secret[]
}

/** What the connection trusts is trusted for its issuer, too; its `dial` address is for its own host alone. */
export function apiOf(api: string, { tools, connection, secrets }: Asking): Api {
  const { host, hostname } = new URL(api)
  const whose = `connection "${connection.name}": ${host}`
  const failed = (why: string, cause?: unknown) =>
    new MayflyError('credential_failed', `${whose} ${why}`, { cause })
  return {
    whose,
    odd: (what) => failed(`answers with ${what}: is its URL right?`),
    refusal: (answer, doing) => failed(`answers ${answer.status} to ${doing}${wordsOf(answer, secrets)}`),
    nextPage: (answer, url) => nextPage(answer, url),
    async ask(question) {
      const { ca, dial } = connection
      const isOwn = placeOf(question.url) === `${connection.host}:${connection.port}`
      const answer = await tools.http
        .ask({ ...question, ca, ...(isOwn ? { dial } : {}) })
        .catch((cause: unknown) => {
          if (!(cause instanceof MayflyError)) throw cause
          const { code, message } = cause
          const problem = certificateProblem({ ca, host: hostname }, cause)
          // No waiting helps: somebody must change what is written.
          if (problem !== undefined) throw failed(`does not answer: ${problem}`)
          throw new MayflyError(
            code === 'upstream_unreachable' ? code : 'credential_failed',
            `connection "${connection.name}": ${message}`,
            { cause },
          )
        })
      const { status } = answer
      const waitMs = patienceMs(answer, tools.clock.nowMs())
      if (waitMs !== undefined)
        throw new UpstreamBusy(`${whose} is busy (${status}): again in ${waitMs / 1000} s`, waitMs)
      if (status >= 500) throw new MayflyError('upstream_unreachable', `${whose} answers ${status}`)
      if (status < 400 && !isGood(answer))
        throw failed(`answers with a redirect (${status}), which is not followed: write the final URL`)
      return answer
    },
  }
}

function placeOf(text: string): string {
  const url = new URL(text)
  return `${url.hostname.replace(/^\[(.*)\]$/, '$1')}:${url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port}`
}

const longestWaitMs = 3_600_000
const usualWaitMs = 30_000

/**
 * How long it asks to be left alone: Retry-After in seconds or as a date (RFC 9110, section 10.2.3), or GitHub's
 * `x-ratelimit-reset` with nothing remaining. Undefined where it does not.
 */
function patienceMs({ status, headers }: HttpAnswer, nowMs: number): number | undefined {
  const isLimit =
    status === 403 && (headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0')
  const isBusy = status === 429 || (status === 503 && headers['retry-after'] !== undefined)
  if (!isBusy && !isLimit) return undefined
  const said = headers['retry-after'] ?? ''
  const reset = Number(headers['x-ratelimit-reset'] ?? Number.NaN) * 1000
  const asked = /^\d{1,9}$/.test(said)
    ? Number(said) * 1000
    : (said === '' ? reset : Date.parse(said)) - serverNowMs(headers, nowMs)
  return Number.isFinite(asked)
    ? Math.min(Math.max(Math.ceil(asked / 1000) * 1000, 1000), longestWaitMs)
    : usualWaitMs
}

/** What the time is there: its Date header, else ours. */
export function serverNowMs(headers: HttpAnswer['headers'], nowMs: number): number {
  const said = Date.parse(headers.date ?? '')
  return Number.isFinite(said) ? said : nowMs
}

function nextPage({ headers }: HttpAnswer, url: string): string | undefined {
  const links = [headers['link'] ?? ''].flat().join(',')
  const found = /<([^<>]{1,2000})>\s*;(?:[^,<]*;)?\s*rel="?next"?/.exec(links)?.[1]
  if (found === undefined || !URL.canParse(found, url)) return undefined
  const next = new URL(found, url)
  // An admin's token goes to no other host.
  return next.origin === new URL(url).origin ? next.href : undefined
}

const longestWords = 300

/** What an API says of its error, where APIs say it; nothing of a page for people. */
function wordsOf({ body }: HttpAnswer, secrets: readonly Secret[]): string {
  const said = messageIn(body.subarray(0, 65_536))
  if (said === '') return ''
  const masker = createMasker(secrets)
  const stream = masker.stream()
  const masked = Buffer.concat([stream.write(Buffer.from(said)), stream.end()]).toString()
  // What is too short to be masked must not come back either.
  if (masker.refused.some(({ index }) => masked.includes(secrets[index]?.reveal() ?? ''))) return ''
  const line = masked.replaceAll(/\s+/g, ' ').slice(0, longestWords)
  return `: ${escapeUnseen(line)}`
}

function messageIn(body: Buffer): string {
  try {
    const json = JSON.parse(String(body)) as Record<string, unknown> | null
    const { error, error_description: description, message, errors } = json ?? {}
    const words = [error, description, message, errors].filter((one) => one !== undefined && one !== null)
    return words.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(': ')
  } catch {
    return ''
  }
}

/** A JSON object of a good answer. */
export function objectOf(answer: HttpAnswer, api: Api): Readonly<Record<string, unknown>> {
  const json = jsonOf(answer, api.whose)
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw api.odd('JSON that is no object')
  return json as Record<string, unknown>
}

export function isGood({ status }: HttpAnswer): boolean {
  return status >= 200 && status <= 299
}
