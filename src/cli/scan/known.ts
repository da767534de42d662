import { setTimeout as pause } from 'node:timers/promises'
import { MayflyError, connectionProblem } from '../../lib/index.ts'
import { knownRule, type KnownSecret } from '../../scan/findings/index.ts'
import type { AskKnown } from '../../scan/index.ts'
import type { RuleFacts } from '../../scan/reports/index.ts'
import { findOperatorToken, refusalOf, serverOf } from '../operator-api.ts'

/** Asks the server whose secrets are looked for. */
export interface KnownAsker {
  readonly ask: AskKnown
  /** Throws what the first question failed with: then nobody knows what the vault would have said. */
  check(): void
}

/** What reports say of the rule by which the vault's secrets are found. */
export const knownFacts: RuleFacts = {
  ...{ ...knownRule, title: 'A secret of the vault', vendor: 'the vault' },
  source: 'https://datatracker.ietf.org/doc/html/rfc2104',
  revoke:
    'if others may have read it there: mayfly secret compromise NAME, since a scan by a person starts nothing',
}

interface Answer {
  readonly places: readonly ({ readonly start: number; readonly end: number } & KnownSecret)[]
  readonly whole: boolean
}

const silenceMs = 120_000
/** The server lets one operator ask for so much a minute. */
const mostTries = 20
const longestName = 300

/** Throws `unauthorized` if there is no token for the server. */
export function createKnownAsker(options: { readonly server?: string | undefined }): KnownAsker {
  const server = serverOf(options)
  const token = findOperatorToken(server)
  if (token === undefined)
    throw new MayflyError(
      'unauthorized',
      'the server says what is known: sign in with mayfly login, or set MAYFLY_TOKEN to an API token with the scope secret:scan',
    )
  let failure: { readonly error: unknown } | undefined

  async function send(name: string, bytes: Uint8Array): Promise<Response> {
    const query = `?file=${encodeURIComponent(name.slice(-longestName).toWellFormed())}`
    try {
      return await fetch(`${server}/v1/scan/known${query}`, {
        method: 'POST',
        // A token goes to the server that was named, and nowhere that it points to.
        redirect: 'error',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
        body: bytes as Uint8Array<ArrayBuffer>,
        signal: AbortSignal.timeout(silenceMs),
      })
    } catch (cause) {
      throw new MayflyError(
        'upstream_unreachable',
        `the Mayfly server ${server} does not answer (${connectionProblem(cause)}): without it nobody knows what the vault has`,
        { cause },
      )
    }
  }

  async function answerOf(name: string, bytes: Uint8Array): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      const response = await send(name, bytes)
      const seconds = Number(response.headers.get('retry-after'))
      if (response.ok) return (await response.json()) as Answer
      const refusal = await refusalOf(response)
      if (response.status !== 429 || tries >= mostTries || !(seconds > 0 && seconds <= 120)) throw refusal
      await pause(seconds * 1_000)
    }
  }

  return {
    async ask(name, bytes) {
      // One that failed has said enough: the others would only wait for the same.
      if (failure !== undefined) throw failure.error
      let answer: Answer
      try {
        answer = await answerOf(name, bytes)
      } catch (error) {
        failure ??= { error }
        throw error
      }
      if (!answer.whole)
        throw new MayflyError('limit_exceeded', 'the server could not say of all of it whether it is known')
      return answer.places.map(({ start, end, ...known }) => ({ start, end, known }))
    },
    check() {
      if (failure !== undefined) throw failure.error
    },
  }
}
