import type { Command } from 'commander'
import { act, jsonOption, rootOption, serverOption, tokenNote } from './command.ts'

const passphraseNote =
  '\nThe passphrase is no argument: it comes from standard input or --passphrase-file, or is asked for.'

/** `mayfly attest root ...`. */
export function addAttestRoot(attest: Command): void {
  const root = attest.command('root').description('the root key, and the trust document that it signs')
  const online = (name: string, description: string) =>
    root
      .command(name)
      .description(description)
      .addOption(serverOption())
      .addOption(jsonOption())
      .addHelpText('after', tokenNote)
  online('show', 'the trust document in force, how its keys stand, and what waits to be signed').action(
    act(async (options) => (await import('./attest-root.ts')).showTrust(options)),
  )
  root
    .command('fetch')
    .description(
      'whose attestations count, by the root key that is pinned: for mayfly verify, cosign, others',
    )
    .option(
      '-o, --out <file>',
      'the trusted root in Sigstore’s form, for cosign and others; to standard output if no file is named',
    )
    .option('--document <file>', 'the trust document, for --trust-document: with keys and revocations')
    .option('--root-out <file>', 'the root key, for --root')
    .option(
      '--keys-out <dir>',
      'the keys that sign without certificates, one file each: for cosign --key, openssl',
    )
    .addOption(rootOption())
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(act(async (options) => (await import('./attest-fetch.ts')).fetchRoot(options)))
  addOffline(root)
  online('next', 'the next trust document, for the root key to sign')
    .requiredOption('-o, --out <file>', 'where it goes')
    .option('--root <file>', 'public part of another root key (PEM), to hand on to; may hold several')
    .option('--expires <time>', 'when it ends, such as 2027-12-31; in 400 days if left out')
    .action(act(async (options) => (await import('./attest-root.ts')).nextTrust(options)))
  online('publish', 'put a signed trust document in force')
    .argument('<file>')
    .action(act(async (file, options) => (await import('./attest-root.ts')).publishTrust(file, options)))
  online(
    'revoke',
    'take a key back: what it signed from a moment on does not count; what was logged before does',
  )
    .argument('<key>', 'SHA-256 of its public key in hex, or how that begins')
    .requiredOption('--reason <text>', 'stands in the trust document, for everybody')
    .option(
      '--from <time>',
      'since when it was in wrong hands, such as 2026-11-29T06:00:00Z; from now on if left out',
    )
    .option('--yes', 'do not ask', false)
    .action(act(async (key, options) => (await import('./attest-root.ts')).revokeKey(key, options)))
  online('rotate', 'make the next CA or root key')
    .argument('<what>', 'ca or root')
    .option('--now', 'the next CA signs as soon as the trust document names it, not a day later', false)
    .action(act(async (what, options) => (await import('./attest-root.ts')).rotate(what, options)))
}

function addOffline(root: Command): void {
  root
    .command('init')
    .description('make an offline root key, encrypted with a passphrase: on a machine that is not the server')
    .requiredOption('--out <file>', 'where it goes; its public part goes to FILE.pub')
    .option('--passphrase-file <file>', 'a file that holds the passphrase')
    .addOption(jsonOption())
    .addHelpText('after', passphraseNote)
    .action(act(async (options) => (await import('./attest-root-offline.ts')).initRoot(options)))
  root
    .command('sign')
    .description('show what a trust document changes, and sign it with an offline root key')
    .argument('<file>', 'from mayfly attest root next')
    .requiredOption('--key <file>', 'the root key, from mayfly attest root init')
    .option('-o, --out <file>', 'where the signed one goes; into the same file if left out')
    .option('--passphrase-file <file>', 'a file that holds the passphrase')
    .option('--yes', 'do not ask', false)
    .addOption(jsonOption())
    .addHelpText('after', passphraseNote)
    .action(act(async (file, options) => (await import('./attest-root-offline.ts')).signTrust(file, options)))
}
