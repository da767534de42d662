import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Operation } from './index.ts'
import { isGrantText } from './grant.ts'
import { compileText, policyText, refusalsOf } from './policy.fixture.ts'
import { runs } from '../../test/whole.ts'

/**
 * The documented semantics, written once more without Cedar, from docs/policy.md alone: an operation is allowed if a
 * grant of the role names its action (git:force stands for git:push, too) and connection and its patterns match path and ref as a whole, and no forbid
 * holds. `*` is any run of characters.
 */
interface Forbid {
  readonly role: string | undefined
  readonly action: string | undefined
  readonly attribute: 'path' | 'ref' | 'connection' | undefined
  readonly pattern: string
  /** Holds only for jobs whose event is this one; a job without an event is another. */
  readonly event: string | undefined
  readonly unless: boolean
}

function matches(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern[0] !== '*')
    return text[0] === pattern[0] && text !== '' && matches(pattern.slice(1), text.slice(1))
  return matches(pattern.slice(1), text) || (text !== '' && matches(pattern, text.slice(1)))
}

function grants(source: string, operation: Operation): boolean {
  const [action = '', target = ''] = source.split(' ')
  const at = target.indexOf('@')
  const [place, ref] = at === -1 ? [target, undefined] : [target.slice(0, at), target.slice(at + 1)]
  const slash = place.indexOf('/')
  const [connection, path] = slash === -1 ? [place, '*'] : [place.slice(0, slash), place.slice(slash + 1)]
  return (
    actionsBy(action).includes(operation.action) &&
    connection === operation.connection &&
    matches(path, operation.path) &&
    (ref === undefined || matches(ref, operation.ref ?? ''))
  )
}

/** What an action stands for besides itself. */
function actionsBy(action: string): string[] {
  return action === 'git:force' ? ['git:force', 'git:push'] : [action]
}

function holds(forbid: Forbid, role: string, operation: Operation, event: string | undefined): boolean {
  if (forbid.role !== undefined && forbid.role !== role) return false
  if (forbid.action !== undefined && !actionsBy(operation.action).includes(forbid.action)) return false
  const named = forbid.attribute === undefined ? undefined : (operation[forbid.attribute] ?? '')
  // A forbid sees paths in lower case.
  const value = forbid.attribute === 'path' ? named?.toLowerCase() : named
  const resource = value === undefined || matches(forbid.pattern, value)
  const job = forbid.event === undefined || event === forbid.event
  return (resource && job) !== forbid.unless
}

function cedarOf({ role, action, attribute, pattern, event, unless }: Forbid): string {
  const principal = role === undefined ? 'principal' : `principal == Mayfly::Role::"${role}"`
  // The same said in two ways.
  const entity = `Mayfly::Action::"${action}"`
  const act = action === undefined ? 'action' : unless ? `action in [${entity}]` : `action == ${entity}`
  const conditions = [
    ...(attribute === undefined ? [] : [`resource.${attribute} like "${pattern}"`]),
    ...(event === undefined ? [] : [`context has event && context.event == "${event}"`]),
  ]
  return `forbid(${principal}, ${act}, resource) ${unless ? 'unless' : 'when'} { ${conditions.join(' && ')} };\n`
}

const roleNames = ['build', 'release'] as const
const part = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '.'), minLength: 1, maxLength: 4 })
const pushes = fc.constantFrom('git:push', 'git:force', 'git:delete')
// What could never match is refused: names.test.ts and dead-rules.test.ts are about that.
const isPossible = (source: string) => isGrantText(source)
const grant = fc
  .oneof(
    part.map((path) => `git:read github/${path}`),
    part.map((path) => `git:read other/${path}`),
    fc.tuple(pushes, part, part).map(([action, path, ref]) => `${action} github/${path}@refs/${ref}`),
    fc.constant('npm:install npmjs'),
  )
  .filter(isPossible)
const asked = fc.string({
  unit: fc.constantFrom('a', 'b', 'A', '/', '.', '*', '"', '\\', 'é', '\n'),
  maxLength: 4,
})
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ action: fc.constant('git:read'), connection: fc.constantFrom('github', 'other'), path: asked }),
  fc.record({
    action: pushes,
    connection: fc.constant('github'),
    path: asked,
    ref: asked.map((ref) => `refs/${ref}`),
  }),
  fc.record({
    action: fc.constant('npm:install'),
    connection: fc.constantFrom('npmjs', 'github'),
    path: asked,
  }),
)
const anyone = { trust: '{ issuer: any, subject: x }' }
const event = fc.constantFrom(undefined, 'push', 'schedule')
const forbid: fc.Arbitrary<Forbid> = fc
  .record({
    role: fc.constantFrom(undefined, ...roleNames),
    action: fc.constantFrom(undefined, 'git:read', 'git:push', 'git:force', 'git:delete', 'npm:install'),
    attribute: fc.constantFrom(undefined, 'path' as const, 'ref' as const, 'connection' as const),
    pattern: part,
    event,
    unless: fc.boolean(),
  })
  // One without a condition always holds, or never.
  .filter((one) => one.attribute !== undefined || one.event !== undefined)
  .filter(
    (one) =>
      refusalsOf(policyText({ build: anyone, release: anyone }), { 'policies/x.cedar': cedarOf(one) })
        .length === 0,
  )

test('property: Cedar decides as a plain reading of grants and forbids does', () => {
  const held = fc.array(grant, { minLength: 1, maxLength: 4 })
  const asks = fc.array(fc.tuple(fc.constantFrom(...roleNames), operation, event), {
    minLength: 30,
    maxLength: 30,
  })
  let allowed = 0
  fc.assert(
    fc.property(
      held,
      held,
      fc.array(forbid, { maxLength: 3 }),
      asks,
      (build, release, forbids, questions) => {
        const trust = '{ issuer: any, subject: x }'
        const text = policyText({ build: { trust, grants: build }, release: { trust, grants: release } })
        const files = forbids.length === 0 ? {} : { 'policies/more.cedar': forbids.map(cedarOf).join('') }
        const { policy } = compileText(text, files)
        for (const [role, one, jobEvent] of questions) {
          const subject = { issuer: 'any', attributes: { event: jobEvent } }
          const granted = (role === 'build' ? build : release).some((source) => grants(source, one))
          const expected = granted && !forbids.some((rule) => holds(rule, role, one, jobEvent))
          const decision = policy.decide(role, one, subject)
          const what = JSON.stringify([role, one, jobEvent, build, release, forbids])
          assert.equal(decision.allow, expected, what)
          if (decision.allow) {
            allowed += 1
            assert.ok(grants(decision.grant, one), `the grant it names allows it: ${what}`)
          } else assert.equal(decision.forbiddenBy !== undefined, granted, what)
        }
      },
    ),
    // To compile a policy is what takes the time: fewer of them, asked more.
    { numRuns: runs(35, 100) },
  )
  assert.ok(allowed > runs(40, 180), `${allowed} were allowed: both answers were asked for`)
})
