import { isJobToken } from '../../read/secret-names.ts'
import { isPlain } from '../commands/index.ts'
import { imageNeed, registryName } from '../commands/registries.ts'
import type { Kept, MovedSecret, Need } from '../model.ts'
import { servesOthers, type StepPlan } from './steps.ts'

export interface LoginPlan {
  /** It goes, since who needs it is run by Mayfly. */
  readonly gone: boolean
  readonly moved: readonly MovedSecret[]
  readonly kept: readonly Kept[]
}

/** What each login is for: the connection that takes its place. */
const connections: readonly {
  readonly name: RegExp
  readonly connection: string
  readonly actions: RegExp
}[] = [
  { name: /^aws-actions\//i, connection: 'aws', actions: /^aws:/ },
  { name: /^google-github-actions\//i, connection: 'gcp', actions: /^gcp:/ },
  { name: /^azure\/(?:k8s|aks)-set-context/i, connection: 'cluster', actions: /^k8s:/ },
  { name: /^azure\/login/i, connection: 'azure', actions: /^azure:/ },
  { name: /ssh/i, connection: 'host', actions: /^(?:ssh|git):/ },
]

/**
 * A login of the job by a long-lived key. It can go if every step behind it that would use it is a script that Mayfly runs: another
 * action, or a script that cannot be moved, would stand there without.
 */
export function planLogin(login: StepPlan, steps: readonly StepPlan[], text: string): LoginPlan {
  const { use, step, asked } = login
  const name = step.uses?.name ?? ''
  if (use?.is !== 'login') return { gone: false, moved: [], kept: [] }
  const keys = asked.filter(
    ({ entry, reference }) =>
      entry !== undefined && use.key.test(entry.key.value) && !isJobToken('github', reference.name),
  )
  if (keys.length === 0) return { gone: false, moved: [], kept: [] }
  const id = login.view.get('id').value
  const consumer = steps.find((one) => one.index > login.index && isConsumer(one, login))
  const users = steps.filter(
    (one) => one.use === undefined && one.needs.some((need) => usesLogin(login, need)),
  )
  const why =
    login.view.isShared || login.view.get('with').isShared
      ? 'it is written once by an anchor and used in several places'
      : id !== undefined && text.includes(`steps.${id}.`)
        ? `other steps use what it gives (steps.${id})`
        : consumer === undefined
          ? users.length > 0
            ? users.flatMap((one) => servesOthers(one)?.why ?? [])[0]
            : 'no script of the job shows what it is used for'
          : `${consumer.step.uses?.name ?? 'a script that stays outside of Mayfly'} behind it may use what it logs in to`
  const reference = keys.map((one) => one.reference)
  if (why !== undefined)
    return {
      gone: false,
      moved: [],
      kept: reference.map(({ span, name: secret }) => ({
        span,
        what: `secrets.${secret}`,
        why,
        ...(consumer?.use?.is === 'own'
          ? { instead: consumer.use.instead }
          : consumer?.blocked?.instead === undefined
            ? {}
            : { instead: consumer.blocked.instead }),
      })),
    }
  const connection = connectionOf(name, login)
  return { gone: true, moved: reference.map((one) => ({ reference: one, connection })), kept: [] }
}

function isConsumer(step: StepPlan, login: StepPlan): boolean {
  if (step.use?.is === 'own') return true
  if (step.use !== undefined || step.blocked === undefined) return false
  return step.needs.some((need) => usesLogin(login, need)) || !isPlain(step.script)
}

function connectionOf(name: string, login: StepPlan): string {
  const known = connections.find((one) => one.name.test(name))
  return known?.connection ?? registryName(registryOf(login))
}

function registryOf({ step }: StepPlan): string {
  const said =
    step.inputs.find(({ key }) => /^(?:registry|login-server)$/.test(key.value))?.value?.value ?? ''
  const host = said.replace(/^https?:\/\//, '').split('/')[0] ?? ''
  return host === '' || host === 'docker.io' || host.includes('$') ? 'registry-1.docker.io' : host
}

/** Does the script of a step use what the login was for? */
export function usesLogin(login: StepPlan, need: Need): boolean {
  const name = login.step.uses?.name ?? ''
  const known = connections.find((one) => one.name.test(name))
  if (known !== undefined) return known.actions.test(need.action)
  return need.connection === imageNeed(`${registryOf(login)}/x/x`, false)[0]?.connection
}
