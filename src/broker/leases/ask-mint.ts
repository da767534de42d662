import { MayflyError } from '../../lib/index.ts'
import {
  Unsent,
  Unusable,
  UpstreamBusy,
  type CredentialIssuer,
  type IssuerTools,
  type Minted,
  type MintRequest,
  type Plain,
} from '../../credentials/index.ts'
import { within, type After } from './within.ts'

/** An upstream that has not made it by then is not waited for. */
export const mintMs = 30_000

export type MintAnswer =
  | { readonly said: 'made'; readonly minted: Minted }
  /** It cannot have been made: nobody was asked, or who was asked wants patience. */
  | { readonly said: 'not_made'; readonly error: unknown }
  /** It was made, and nobody is to have it: by its handle it is ended. */
  | { readonly said: 'unusable'; readonly minted: Minted; readonly error: unknown }
  /** It may have been made all the same: what answers late is given to `late`. */
  | { readonly said: 'failed'; readonly error: unknown }

/**
 * Asks an issuer for a credential. Nothing was made where nobody was asked to make it (a secret cannot be opened, or is none; TLS, or the
 * admin's login, fails), and where an upstream is busy, or plainly refuses; of every other fault it is not known what it has left behind.
 */
export async function askMint(
  issuer: CredentialIssuer,
  request: MintRequest,
  plan: Plain,
  deps: { tools: IssuerTools; after: After; late: (minted: Minted) => void },
): Promise<MintAnswer> {
  let maybeMade = false
  const tools: IssuerTools = {
    ...deps.tools,
    http: {
      async ask(question) {
        const before = maybeMade
        maybeMade ||= question.method !== 'GET'
        try {
          const answer = await deps.tools.http.ask(question)
          if (isPlainNo(answer)) maybeMade = before
          return answer
        } catch (error) {
          if (isUnsent(error)) maybeMade = before
          throw error
        }
      },
    },
    mayMake: () => (maybeMade = true),
    openSecret: (name) => deps.tools.openSecret(name, request.run),
  }
  const { connection } = request
  let over = false
  const minting = issuer.mint(request, plan, tools)
  void minting.then(
    (minted) => {
      if (over) deps.late(minted)
    },
    (error: unknown) => {
      if (over && error instanceof Unusable) deps.late(unusable(error))
    },
  )
  const slow = () => {
    // It goes on all the same.
    maybeMade = true
    return new MayflyError(
      'upstream_unreachable',
      `connection "${connection.name}" has not made a credential in ${mintMs / 1000} s: is ${connection.host} up?`,
    )
  }
  try {
    return { said: 'made', minted: await within(deps.after, mintMs, minting, slow) }
  } catch (error) {
    if (error instanceof Unusable) return { said: 'unusable', minted: unusable(error), error }
    over = true
    return { said: !maybeMade || error instanceof UpstreamBusy ? 'not_made' : 'failed', error }
  }
}

/** When it ends by itself is what nobody knows. */
function unusable(error: Unusable): Minted {
  return { fields: {}, expiresMs: Number.NaN, handle: error.handle() }
}

/** No byte of it left this machine: nobody answered, or its address is refused, or it is no request. */
function isUnsent(error: unknown): boolean {
  return (
    error instanceof Unsent || (error instanceof MayflyError && /^(?:denied|bad_input)$/.test(error.code))
  )
}

/** A 4xx that says nothing of time or of what is there already (RFC 9110, section 15.5; 425: RFC 8470): it was not done. */
function isPlainNo({ status }: { readonly status: number }): boolean {
  return status >= 400 && status < 500 && ![408, 409, 425].includes(status)
}
