import { MayflyError, Secret } from '../../lib/index.ts'
import { longMs } from '../../config/index.ts'
import { textAt } from '../../http-client/index.ts'
import type { Rotator, RotatorTools, Version, Work } from '../rotator.ts'

const dayMs = 86_400_000
const longestDays = 365

/**
 * https://docs.gitlab.com/api/personal_access_tokens/#self-rotate: the old token dies in the request that makes the new one, and
 * one that is dead and used for it again revokes all that came from it. So the new one is in use from the moment it is sealed,
 * and a request whose answer was lost is never repeated while nobody knows which token lives.
 */
export const gitlabToken: Rotator<'gitlab-token'> = {
  name: 'gitlab-token',
  tells:
    'has GitLab rotate the token by itself: the old one dies at once, and steps that have it must ask again',
  inPlace: () => true,
  refusesPlainly: true,
  plan: async () => ({ plan: null }),
  async create(work, tools) {
    const days = Math.min(longestDays, Math.max(1, Math.floor(longMs(work.config.lives) / dayMs)))
    const expires = new Date(tools.clock.nowMs() + days * dayMs).toISOString().slice(0, 10)
    const answer = await tools.http.ask({
      method: 'POST',
      url: `${apiOf(work)}/personal_access_tokens/self/rotate?expires_at=${expires}`,
      headers: headersOf(work.old),
    })
    if (answer.status === 429 || answer.status >= 500)
      throw new MayflyError('upstream_unreachable', `GitLab answered ${answer.status}`)
    if (answer.status !== 200 && answer.status !== 201)
      throw new MayflyError(
        'credential_failed',
        `GitLab answered ${answer.status}: the token needs the scope self_rotate or api, and must be alive`,
      )
    const id = textAt(answer, '$.id', 'GitLab')
    return {
      value: new Secret(textAt(answer, '$.token', 'GitLab') ?? ''),
      handle: id === undefined ? null : { id },
    }
  },
  async afterLostAnswer(work, tools) {
    const old = await probe(work, work.old, tools)
    if (old === 'unknown')
      throw new MayflyError('upstream_unreachable', 'GitLab does not say whether the token lives')
    return old === 'alive' ? 'again' : 'lost'
  },
  probe,
  // There is nothing beside the one that lives.
  revoke: async () => 'not_found',
}

async function probe(work: Work<'gitlab-token'>, one: Version, tools: RotatorTools) {
  const { status } = await tools.http.ask({
    method: 'GET',
    url: `${apiOf(work)}/personal_access_tokens/self`,
    headers: headersOf(one),
  })
  if (status === 200) return 'alive'
  return status === 401 ? 'dead' : 'unknown'
}

function headersOf(one: Version): Record<string, string> {
  // As the gateway takes it: for Basic the secret is `user:token`.
  const token = (one.value?.reveal() ?? '').trim()
  if (!/^[\x21-\x7e]+$/.test(token) || token.includes(':'))
    throw new MayflyError('credential_failed', 'the secret is not one token of GitLab')
  return { 'private-token': token }
}

function apiOf({ config }: Work<'gitlab-token'>): string {
  return (config.api ?? 'https://gitlab.com/api/v4').replace(/\/$/, '')
}
