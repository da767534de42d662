import { createOperatorApi } from './operator-api.ts'
import { exitCodes, print } from './output.ts'
import { confirm } from './prompt.ts'

/** Has the server forget a person: their key goes, their names cannot be read any more, and an entry says so. */
export async function erasePerson(options: {
  subject: string
  yes: boolean
  server?: string
  json: boolean
}): Promise<number> {
  const api = createOperatorApi(options)
  const { subject } = options
  const found = await api.call<{ persons: string[]; who?: string[] }>('POST', '/v1/audit/erase', {
    subject,
    dry_run: true,
  })
  if (found.persons.length === 0) {
    print(options.json, { persons: [] }, [`nobody in the log is known as ${subject}`])
    return exitCodes.refused
  }
  const whom = found.persons.map((person, i) => `${person} (${found.who?.[i] ?? subject})`)
  await confirm(
    `this makes the names of ${whom.join(', ')} unreadable in every entry of the audit log, for good; the entries themselves stay`,
    options,
  )
  const { persons } = await api.call<{ persons: string[] }>('POST', '/v1/audit/erase', {
    subject,
  })
  print(options.json, { persons }, [
    `erased: ${persons.join(', ')}; their names in the log cannot be read any more, its root is unchanged`,
  ])
  return exitCodes.ok
}
