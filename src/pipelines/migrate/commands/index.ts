import type { Host, MadeRefs, Need } from '../model.ts'
import type { Command, CommandFacts } from './command.ts'
import { deploys } from './deploys.ts'
import { forges } from './forges.ts'
import { madeRefs } from './made-refs.ts'
import { npmInstall, registries } from './registries.ts'
import { commandsOf } from './words.ts'

const families = [...registries, ...forges, ...deploys]

export interface ScriptReach {
  readonly needs: readonly Need[]
  readonly hosts: readonly Host[]
}

/** What a script reaches, as its words say: the grants of a first policy. */
export function reachOf(script: string, facts: CommandFacts): ScriptReach {
  const needs = new Map<string, Need>()
  const hosts = new Set<Host>()
  const commands = commandsOf(script)
  const known = { ...facts, script, refs: madeRefs(commands, facts.refs) }
  const add = (one: Need) =>
    needs.set(
      `${one.action} ${one.connection}/${one.path ?? ''}@${one.ref ?? ''} ${one.url ?? one.place ?? ''}`,
      one,
    )
  for (const command of commands) {
    if (command.isFetched === true) add(npmInstall)
    for (const family of families) {
      if (!family.programs.test(command.program)) continue
      const reached = family.reaches(command, known)
      for (const one of reached.needs) add(one)
      for (const host of reached.hosts ?? []) hosts.add(host)
    }
  }
  return { needs: [...needs.values()], hosts: [...hosts] }
}

/** What cannot be done inside `mayfly run`, and what to do instead. */
const impossible: readonly {
  readonly programs: RegExp
  /** One of its words; undefined: whatever they are. */
  readonly word?: RegExp
  readonly why: string
  readonly instead: string
}[] = [
  {
    programs: /^(?:docker|docker-compose|nerdctl)$/,
    why: 'docker needs its daemon, which is root on the machine and is not there in a step',
    instead: 'build and push with buildah, podman, skopeo or crane (docs/ci.md, Building images)',
  },
  {
    programs: /^(?:sudo|su|doas)$/,
    why: 'no set-user-id program works in a step',
    instead: 'put what it installs into the runner’s image, or into a step without secrets before it',
  },
  {
    programs: /^(?:apt-get|apt|yum|dnf|apk|brew|snap|systemctl|service|mount)$/,
    why: 'the system is read-only in a step',
    instead: 'put what it installs into the runner’s image, or into a step without secrets before it',
  },
  {
    programs: /^aws$/,
    word: /^--endpoint-url\b/,
    why: 'it goes to a server that is not AWS (--endpoint-url), and a connection of kind aws reaches AWS alone',
    instead:
      'a connection of kind http to that server, if it takes a credential in a header (docs/configuration.md)',
  },
  {
    // npm fails where it is asked for it and has no token: docs.npmjs.com, "Generating provenance statements".
    programs: /^(?:npm|pnpm|yarn|bun|lerna)$/,
    word: /^--provenance(?:=true)?$/,
    why: 'with --provenance npm signs by the job’s identity token, which no step has, and fails without it',
    instead: 'leave --provenance out: what a step publishes is attested by Mayfly (docs/attestations.md)',
  },
]

export function impossibleIn(script: string): (typeof impossible)[number] | undefined {
  const commands = commandsOf(script)
  return impossible.find(({ programs, word }) =>
    commands.some(
      ({ program, words }) =>
        programs.test(program) && (word === undefined || words.some((one) => word.test(one))),
    ),
  )
}

/** What a script leaves behind for the scripts after it. */
export function refsAfter(script: string, before?: MadeRefs): MadeRefs {
  return madeRefs(commandsOf(script), before)
}

export function programsOf(script: string): string[] {
  return commandsOf(script).map(({ program }: Command) => program)
}

/** Programs that use no login of the job’s. */
const plainPrograms =
  /^(?:echo|printf|cat|cd|cp|mv|rm|mkdir|test|\[|\[\[|export|set|grep|sed|awk|jq|yq|curl|wget|tar|zip|unzip|ls|true|false|exit|sleep|date|sudo|apt-get|apt|chmod|git|gh)$/

/** Of programs alone that use no login and no secret variable by themselves. */
export function isPlain(script: string): boolean {
  return programsOf(script).every((one) => plainPrograms.test(one))
}

/** Does a script read this variable, in a shell or in a program that stands in it? */
export function readsVariable(script: string, name: string): boolean {
  return new RegExp(
    `\\$\\{?(?:env:)?${name}\\b|environ\\S{0,10}['"]${name}['"]|process\\.env\\.${name}\\b|env\\.${name}\\b`,
  ).test(script)
}
