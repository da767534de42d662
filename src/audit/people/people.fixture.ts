import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import { newId, Secret, systemClock } from '../../lib/index.ts'
import { createAuditClient } from '../client/index.ts'
import { openLog, temporaryFolder, token } from '../log/log.fixture.ts'
import type { PeopleDirectory } from './index.ts'

export function directory(): PeopleDirectory & { people: Map<string, { person: string; key: Uint8Array }> } {
  const people = new Map<string, { person: string; key: Uint8Array }>()
  return {
    people,
    async find(who) {
      const known = people.get(who) ?? { person: newId<string>('per'), key: randomBytes(32) }
      people.set(who, known)
      return known
    },
  }
}

/** A log, and a client that knows people. */
export async function scene(t: TestContext) {
  const folder = await temporaryFolder(t)
  const log = await openLog(t, folder)
  const known = directory()
  const client = createAuditClient({
    url: log.url,
    appendToken: new Secret(token),
    verifierKey: log.verifierKey,
    source: 'mayfly://server',
    clock: systemClock,
    people: known,
  })
  t.after(() => client.close())
  return { folder, log, known, client }
}
