import { MayflyError, isNeverHandedOn } from '../../lib/index.ts'
import { createRedactor, secretsOfJob } from '../../runner/index.ts'

/** Whoever may read Jobs in the namespace reads what is in them. Throws `bad_input`. */
export function refuseSecrets(
  texts: readonly string[],
  names: readonly string[],
  variables: Readonly<Record<string, string>>,
): void {
  const { isIn } = createRedactor(secretsOfJob(variables))
  const said = 'a secret of this job would stand in the Job, which others may read'
  if (texts.some((text) => isIn(text)))
    throw new MayflyError(
      'bad_input',
      `${said}: take it out of the command or the name, and let a connection have it`,
    )
  const name = names.find((one) => isIn(variables[one] ?? ''))
  if (name !== undefined)
    throw new MayflyError('bad_input', `${said}: leave --env ${name} out, and let a connection have it`)
}

/** The variables that a step asks for, as the pod has them. Throws `bad_input`. */
export function valuesOf(
  names: readonly string[],
  variables: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => {
      const value = variables[name]
      if (isNeverHandedOn(name))
        throw new MayflyError('bad_input', `--env ${name}: who has it can get tokens of the job`)
      if (value === undefined || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
        throw new MayflyError('bad_input', `--env ${name}: this job has no such variable`)
      return [name, value]
    }),
  )
}
