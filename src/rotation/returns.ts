import { MayflyError, type Secret } from '../lib/index.ts'
import type { Store } from '../store/index.ts'
import type { Vault } from '../vault/index.ts'
import type { MachineDeps } from './machine-deps.ts'
import type { Records, Row } from './records.ts'
import { rotatorNamed } from './rotators.ts'
import type { Configured } from './schedules.ts'
import { isSame, valueOf, type Job } from './work.ts'

export type Returns = ReturnType<typeof createReturns>

const replaces = ['promoted', 'retiring', 'done']
/** So many rotations back: older values are as dead, and each is opened to be compared. */
const mostLooked = 20

/**
 * Values that a rotation has replaced come back with whoever writes what he read before it: a job that imports the `.env` of
 * yesterday. Such a value is dead, or is about to be ended under the steps that would get it.
 */
export function createReturns(deps: {
  store: Store
  vault: Vault
  records: Records
  configs: () => readonly Configured[]
}) {
  const { store, vault, records } = deps
  return {
    /**
     * Before a person sets `value`, or that of `version`. Throws `conflict` for one that a rotation has replaced, unless it is
     * `forced`; gives back what whoever sets it should know.
     */
    async refuse(
      secret: string,
      given: { value: Secret } | { version: number },
      forced: boolean,
    ): Promise<string | undefined> {
      const value = 'value' in given ? given.value : await valueOf(vault, secret, given)
      const ended = forced ? undefined : await replacedBy(secret, value)
      if (ended !== undefined) throw new MayflyError('conflict', refusal(ended))
      return await note(secret)
    },
    /** Only what waits for the old value to end: others wait for their time. */
    async look(secrets: readonly string[]): Promise<void> {
      for (const secret of secrets) {
        const open = await records.open(secret)
        if (open?.state === 'promoted' || open?.state === 'retiring') await records.hurry(secret)
      }
    },
  }

  async function replacedBy(secret: string, value: Secret | undefined): Promise<Row | undefined> {
    for (const row of await records.latest(secret, mostLooked)) {
      if (!replaces.includes(row.state)) continue
      if (isSame(value, await valueOf(vault, secret, { version: row.from_version }))) return row
    }
    return undefined
  }

  async function note(secret: string): Promise<string | undefined> {
    const rotation = deps.configs().find((one) => one.secret === secret)?.rotation
    const [rotator = ''] = Object.keys(rotation?.by ?? {})
    const isFirst = (store.find('secret_names', { name: secret })?.current_version ?? 0) === 0
    if (rotation === undefined || isFirst || rotatorNamed(rotator).byPerson !== undefined) return undefined
    return `${secret} is rotated by itself (${rotator}): what is set by hand stands until the next rotation replaces it, and what it replaces is not ended`
  }
}

function refusal({ secret, from_version, to_version, state }: Row): string {
  const fate = state === 'done' ? 'has been ended' : 'is about to be ended'
  return `this is the value of version ${from_version} of secret "${secret}", which was rotated: version ${to_version} took its place, and the old value ${fate}. Whatever wrote it holds an old copy; --force sets it all the same`
}

/** The value that was replaced is in use again. */
export async function isOldInUse(
  { secret }: Pick<Row, 'secret'>,
  job: Job,
  { vault }: Pick<MachineDeps, 'vault'>,
): Promise<boolean> {
  return isSame(await valueOf(vault, secret), job.work.old.value)
}
