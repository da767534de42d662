import { Option } from 'commander'
import { exitCodeOf, exitCodes, printError } from './output.ts'

export const jsonOption = () => new Option('--json', 'print one JSON object').default(false)
/** Only a parent that keeps the other end open asks for it: under systemd or `< /dev/null` standard input is at its end at once. */
export const stopWithStdinOption = () =>
  new Option('--stop-with-stdin', 'end when standard input ends (mayfly up says so)').default(false)
export const caFileOption = () =>
  new Option(
    '--ca-file <pem>',
    'certificate authorities to trust beside the system’s (MAYFLY_CA_FILE; NODE_EXTRA_CA_CERTS works, too)',
  )
export const serverOption = () => new Option('--server <url>', 'the Mayfly server (MAYFLY_SERVER)')
/** Whom to believe about what is signed: named-trust.ts. */
export const rootOption = () =>
  new Option('--root <file>', 'the root key (PEM) of your Mayfly; left out, the one that was met first')
export const trustDocumentOption = () =>
  new Option('--trust-document <file>', 'what the root key signed (with --root), so that no server is asked')
export const trustedRootOption = () =>
  new Option('--trusted-root <file>', 'the trusted root of your Mayfly, in Sigstore’s form')
export const tokenNote = '\nNeeds an API token in MAYFLY_TOKEN.'

/** Runs the action; an error is one line and an exit code. */
export function act<Arguments extends unknown[]>(
  action: (...args: Arguments) => Promise<number | void>,
): (...args: Arguments) => Promise<void> {
  return async (...args) => {
    try {
      process.exitCode = (await action(...args)) ?? exitCodes.ok
    } catch (error) {
      const options = args.find(
        (arg): arg is Arguments[number] & { json?: boolean } =>
          typeof arg === 'object' && arg !== null && 'json' in arg,
      )
      printError(options?.json === true, error)
      process.exitCode = exitCodeOf(error)
    }
  }
}

/** For an option that may be given again. It takes one value each time, so that it swallows no command behind it. */
export function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value]
}

export function portNumber(text: string): number {
  return inRange(text, 0, 65_535)
}

export function positive(text: string): number {
  return inRange(text, 1, 1e9)
}

export function wholeNumber(text: string): number {
  return inRange(text, 0, 1e9)
}

function inRange(text: string, least: number, most: number): number {
  const value = Number(text)
  if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value
  process.stderr.write(`mayfly: ${text} is not a whole number from ${least} to ${most}\n`)
  return process.exit(exitCodes.usage)
}
