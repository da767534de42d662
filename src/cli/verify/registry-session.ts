import { MayflyError } from '../../lib/index.ts'
import type { ImageName } from './image-name.ts'
import { createPatience } from './patience.ts'
import { registryLogin } from './registry-login.ts'

/** It may answer the next time: whoever does not read it now cannot tell what it has. */
export class RegistryAway extends MayflyError {
  override readonly name = 'RegistryAway'
}

export interface RegistrySession {
  /** `maxMs`: until the whole answer is there; 30 s. */
  ask(url: URL, accept: string, maxMs?: number): Promise<Response>
  /** Why this machine's login could not be had, where that is known. */
  problems(): readonly string[]
}

const silenceMs = 30_000
/** For one question, that is asked with a token that has just ended, too. */
const maxLogins = 2

/** Asks one registry, with what this machine is logged in with there once it wants that. */
export function openSession(image: ImageName): RegistrySession {
  const patiently = createPatience()
  let login: string | undefined
  let isTaken = false
  let problems: readonly string[] = []
  let underWay: Promise<boolean> | undefined

  async function logIn(challenges: string): Promise<boolean> {
    const got = await registryLogin(image, challenges, patiently)
    problems = got.problems
    if (got.authorization === undefined) return false
    ;[login, isTaken] = [got.authorization, false]
    return true
  }

  /** Whether there is another login than the one that was refused: tokens end, and of several questions one asks for the next. */
  function renew(challenges: string, refused: string | undefined): Promise<boolean> | boolean {
    if (login !== refused) return true
    if (login !== undefined && !isTaken) return false
    underWay ??= logIn(challenges).finally(() => (underWay = undefined))
    return underWay
  }

  // Where the registry sends on to another host, fetch takes the login out (Fetch Standard, HTTP-redirect fetch).
  const send = (url: URL, accept: string, authorization: string | undefined, maxMs: number) =>
    fetch(url, {
      headers: { accept, ...(authorization === undefined ? {} : { authorization }) },
      signal: AbortSignal.timeout(maxMs),
    })

  return {
    problems: () => problems,
    async ask(url, accept, maxMs = silenceMs) {
      for (let logins = 0; ; logins++) {
        const shown = login
        const answer = await patiently(() => send(url, accept, shown, maxMs))
        // Whoever runs the host that a registry sends on to could name a token server of its own, and be sent the registry's login.
        const isChallenge = answer.status === 401 && isOf(answer, url)
        if (!isChallenge) isTaken ||= answer.status < 400 && shown === login
        if (!isChallenge || logins === maxLogins) return answer
        if (!(await renew(answer.headers.get('www-authenticate') ?? '', shown))) return answer
        await answer.body?.cancel()
      }
    },
  }
}

/** The registry itself answered, and no host that it sends on to. */
export function isOf(answer: Response, url: URL): boolean {
  return !answer.redirected || new URL(answer.url).origin === url.origin
}
