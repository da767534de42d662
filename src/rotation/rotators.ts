import { MayflyError } from '../lib/index.ts'
import type { RotatorName } from '../config/index.ts'
import type { Rotator } from './rotator.ts'
import { commandRotator } from './rotators/command.ts'
import { githubAppKey } from './rotators/github-app-key.ts'
import { gitlabToken } from './rotators/gitlab-token.ts'
import { httpRotator } from './rotators/http.ts'
import { mysqlUsers } from './rotators/mysql-users.ts'
import { postgresUsers } from './rotators/postgres-users.ts'

const rotators: { readonly [Name in RotatorName]: Rotator<Name> } = {
  'postgres-users': postgresUsers,
  'mysql-users': mysqlUsers,
  http: httpRotator,
  'github-app-key': githubAppKey,
  'gitlab-token': gitlabToken,
  command: commandRotator,
}

/** Throws `config_invalid` for one that this version does not have. */
export function rotatorNamed(name: string): Rotator {
  const rotator = Object.entries(rotators).find(([known]) => known === name)?.[1]
  if (rotator === undefined) throw new MayflyError('config_invalid', `there is no rotator ${name}`)
  return rotator
}
