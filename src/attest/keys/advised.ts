import { CloudError } from '../../clouds/index.ts'
import { MayflyError } from '../../lib/index.ts'

/** What to do, by what a cloud called the mistake (its code, and its words behind it). */
export type Advice = readonly (readonly [RegExp, string])[]

/** Says what to do about a refusal in the words of keys that sign. What may be answered later stays as it is. */
export async function advised<T>(what: string, advice: Advice, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    if (!(cause instanceof CloudError) || cause.code === 'upstream_unreachable') throw cause
    const said = `${cause.cloudCode} ${cause.message}`
    const [, todo] = advice.find(([pattern]) => pattern.test(said)) ?? []
    if (todo === undefined) throw cause
    throw new MayflyError('credential_failed', `${what}: ${todo}`, { cause })
  }
}
