import type { PeopleDirectory } from '../../audit/client/index.ts'

/** By which pseudonym the audit log knows them; undefined while that cannot be known, as with a sealed vault. */
export async function personOf(
  people: PeopleDirectory,
  who: string,
  alias?: string,
): Promise<string | undefined> {
  return await Promise.resolve(people.find(who, alias)).then(
    ({ person }) => person,
    () => undefined,
  )
}
