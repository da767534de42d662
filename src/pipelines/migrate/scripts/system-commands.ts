import { looksSecret } from '../../read/secret-names.ts'
import { commandsOf } from '../commands/words.ts'
import { readVariables } from './read-variables.ts'

const beside = /^(?:echo|printf|command|which|test|\[|true|set|update-ca-certificates|export|mkdir|rm)$/
const system = /^(?:apt-get|apt|apk|yum|dnf|microdnf|apt-key|add-apt-repository|corepack)$/

/**
 * What puts a tool into the job's own image, and cannot be done in a step, for which the system is read-only: it stays outside, in front.
 * Not what installs the project: that runs what strangers wrote. Nor what needs a secret, which would have to stay with it.
 */
export function isOfTheSystem(command: string): boolean {
  const all = commandsOf(command)
  const isInstall = all.some(({ program, words }) => system.test(program) || isToolInstall(program, words))
  return (
    isInstall &&
    !readVariables(command).some(looksSecret) &&
    all.every(
      ({ program, words }) =>
        system.test(program) ||
        isToolInstall(program, words) ||
        (beside.test(program) && program !== 'export'),
    )
  )
}

/** `pip install twine`, `npm install -g npm@11`, `gem install bundler`: by name, from the registry. */
function isToolInstall(program: string, words: readonly string[]): boolean {
  if (/^pip3?$/.test(program)) return isByName(words)
  if (/^python3?$/.test(program)) return words[0] === '-m' && words[1] === 'pip' && isByName(words.slice(2))
  if (program === 'gem') return isByName(words)
  return (
    program === 'npm' &&
    /^(?:install|i)$/.test(words[0] ?? '') &&
    words.some((one) => /^(?:-g|--global)$/.test(one))
  )
}

function isByName([verb, ...words]: readonly string[]): boolean {
  return (
    verb === 'install' &&
    !words.some((one) =>
      /^(?:-r|--requirement|-e|--editable|--user|-c|--constraint|--target|-t|\..*|.*\/.*)$/.test(one),
    ) &&
    words.some((one) => /^[A-Za-z]/.test(one))
  )
}
