import { z } from 'zod'
import { MayflyError, Secret } from '../../lib/index.ts'
import type { Plain, Rotator, RotatorTools, Version, Work } from '../rotator.ts'

const answers = {
  plan: z.object({ plan: z.json().default(null), value: z.string().optional() }),
  create: z.object({ value: z.string().optional(), handle: z.json().default(null) }),
  probe: z.object({ probe: z.enum(['alive', 'dead', 'unknown']).default('unknown') }),
  promote: z.object({}),
  revoke: z.object({ revoke: z.enum(['revoked', 'not_found', 'not_known']).default('not_known') }),
  resume: z.object({ resume: z.enum(['again', 'undo', 'made', 'lost']).default('undo') }),
}

/** A program of the operator's: docs/rotation.md has the protocol. It is trusted with the values, and with nothing else. */
export const commandRotator: Rotator<'command'> = {
  name: 'command',
  tells: 'has a program make a new value, probe it, and end the old one when no step has it any more',
  inPlace: ({ in_place }) => in_place,
  async plan(work, tools) {
    const { plan, value } = await ask('plan', work, undefined, tools)
    return value === undefined ? { plan } : { plan, value: new Secret(value) }
  },
  async create(work, tools) {
    const { value, handle } = await ask('create', work, work.new, tools)
    // Without a value it is the one that was planned; where none was, none was made.
    return { value: value === undefined ? (work.new.value ?? new Secret('')) : new Secret(value), handle }
  },
  afterLostAnswer: async (work, tools) => (await ask('resume', work, work.new, tools)).resume,
  probe: async (work, one, tools) => (await ask('probe', work, one, tools)).probe,
  async promote(work, tools) {
    await ask('promote', work, work.new, tools)
  },
  revoke: async (work, one, tools) => (await ask('revoke', work, one, tools)).revoke,
}

async function ask<Act extends keyof typeof answers>(
  act: Act,
  work: Work<'command'>,
  one: Version | undefined,
  tools: RotatorTools,
): Promise<z.output<(typeof answers)[Act]>> {
  const { name, parameters, timeout } = work.config
  const said = {
    mayfly_rotator: 1,
    act,
    secret: work.secret,
    name: work.name,
    parameters,
    plan: work.plan,
    old: told(work.old),
    new: told(work.new),
    ...(one === undefined ? {} : { which: one.which }),
  }
  const answer = await tools.runCommand(name, said, Number(timeout.slice(0, -1)) * 1000)
  const read = answers[act].safeParse(answer)
  // What is wrong with it is not told: it would repeat what it said.
  if (!read.success)
    throw new MayflyError('credential_failed', `rotator ${name} did not answer ${act} as it should`)
  return read.data as z.output<(typeof answers)[Act]>
}

function told({ value, handle }: Version): { value: string | null; handle: Plain } {
  return { value: value?.reveal() ?? null, handle: handle ?? null }
}
