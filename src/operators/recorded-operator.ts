import { personal } from '../audit/client/index.ts'
import type { Operator, Login } from './operator.ts'

/** A person who signed in, as the record has them: a name that is sealed. */
export function recordedLogin(login: Login, name: string): ReturnType<typeof personal> {
  return personal(`${login.issuer}:${login.subject}`, name, login.email ?? `${login.issuer}:${login.subject}`)
}

/** Who did it, as the record has it: the name of an API token, or of a person, which is sealed. */
export function recordedOperator(operator: Operator | undefined): unknown {
  if (operator === undefined) return ''
  return operator.login === undefined ? operator.name : recordedLogin(operator.login, operator.name)
}
