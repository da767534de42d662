/** Programs that the configuration of a repository can name, set to none (git-config(1)). */
const withoutPrograms: Readonly<Record<string, string>> = {
  'core.fsmonitor': 'false',
  'core.hooksPath': '/dev/null',
  'core.sshCommand': 'ssh',
  'core.gitProxy': 'none',
  'core.askPass': 'true',
  'core.pager': 'cat',
  'core.editor': 'false',
  'sequence.editor': 'false',
  'core.alternateRefsCommand': 'true',
  'interactive.diffFilter': 'cat',
  // What Git takes by itself.
  'gpg.program': 'gpg',
  'gpg.openpgp.program': 'gpg',
  'gpg.x509.program': 'gpgsm',
  'gpg.ssh.program': 'ssh-keygen',
  'gpg.ssh.defaultKeyCommand': 'false',
  // Empty: whatever the repository names before it is forgotten (gitcredentials(7)).
  'credential.helper': '',
  'protocol.ext.allow': 'never',
}

/** A folder of files that looks like a repository is one only to who says so: its configuration would be obeyed. */
const named: Readonly<Record<string, string>> = { 'safe.bareRepository': 'explicit' }

/**
 * Variables by which Git, in a role that writes, runs no program that the configuration of a repository names; what the step
 * itself says by `-c` or by its environment goes before it. In a workspace of the step's own (`isOwn`) nobody else has
 * written any.
 */
export function gitVariables(
  env: Readonly<Record<string, string>>,
  { writes, isOwn }: { writes: boolean; isOwn: boolean },
): Record<string, string> {
  if (!writes) return {}
  const settings = Object.entries({ ...(isOwn ? {} : withoutPrograms), ...named })
  const given = Number(env['GIT_CONFIG_COUNT'] ?? 0)
  if (!Number.isSafeInteger(given) || given < 0) return {}
  // The later one of two counts: ours come first, so that what the pipeline says itself stays.
  const theirs = Array.from({ length: Math.min(given, 1_000) }, (_, i) => [
    env[`GIT_CONFIG_KEY_${i}`] ?? '',
    env[`GIT_CONFIG_VALUE_${i}`] ?? '',
  ])
  const all = [...settings, ...theirs]
  return Object.fromEntries([
    ['GIT_CONFIG_COUNT', String(all.length)],
    ...all.flatMap(([key = '', value = ''], i) => [
      [`GIT_CONFIG_KEY_${i}`, key],
      [`GIT_CONFIG_VALUE_${i}`, value],
    ]),
  ])
}
