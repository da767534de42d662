import { MayflyError } from '../../lib/index.ts'
import type { RunOptions } from '../run-steps.ts'

/** What only `--isolation kubernetes` takes. */
export interface KubernetesOptions extends Omit<RunOptions, 'isolation'> {
  namespace?: string
  serviceAccount?: string
  reach?: string[]
  dns?: string[]
  seccomp?: string
  policy?: string
  submit?: boolean
}

const own = ['namespace', 'serviceAccount', 'reach', 'dns', 'seccomp', 'policy', 'submit'] as const

/** For every other isolation: who gives one of these wants more than the step would get. Throws `bad_input`. */
export function refuseKubernetesOptions(options: KubernetesOptions): void {
  const given = own.find((name) => options[name] !== undefined)
  if (given === undefined) return
  const name = given.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  throw new MayflyError('bad_input', `--${name} is for --isolation kubernetes`)
}
