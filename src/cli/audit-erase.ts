import { createOperatorApi } from './operator-api.ts'
import { exitCodes, print } from './output.ts'

/** Has the server forget a person: their key goes, their names cannot be read any more, and an entry says so. */
export async function erasePerson(options: {
  subject: string
  server?: string
  json: boolean
}): Promise<number> {
  const api = createOperatorApi(options)
  const { persons } = await api.call<{ persons: string[] }>('POST', '/v1/audit/erase', {
    subject: options.subject,
  })
  print(options.json, { persons }, [
    persons.length === 0
      ? `nobody in the log is known as ${options.subject}`
      : `erased: ${persons.join(', ')}; their names in the log cannot be read any more, its root is unchanged`,
  ])
  return persons.length === 0 ? exitCodes.refused : exitCodes.ok
}
