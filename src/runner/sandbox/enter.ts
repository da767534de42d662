import { spawn } from 'node:child_process'
import { MayflyError, messageOf } from '../../lib/index.ts'
import { listenScript } from './listen.ts'
import { systemCalls } from './system-calls.ts'

/** NS_GET_USERNS, ioctl_ns(2); CLONE_NEWUSER and CLONE_NEWNET (sched.h). */
const [getUserNamespace, newUser, newNetwork] = [0xb701, 0x1000_0000, 0x4000_0000]

/**
 * Enters the network namespace that bubblewrap made for a step, by way of the user namespace that owns it, whose maker we are
 * and in which we so have every capability; makes the doors there (listen.ts), and ends. The step has not begun.
 * Arguments: places to listen at; file descriptor of the channel; numbers of sendmsg(2) and setns(2); a process in there.
 */
const enterScript = String.raw`
use strict;
my ($places, $channel, $sendmsg, $setns, $process) = @ARGV;
my $fail = sub { syswrite(STDERR, "$_[0]: $!\n"); exit 125 };
open(my $network, '<', "/proc/$process/ns/net") or $fail->('its network');
my $owner = ioctl($network, ${getUserNamespace}, 0) or $fail->('its user namespace');
my $users = (stat('/proc/self/ns/user'))[1];
# Root's engine makes it in the machine's own user namespace, which we are in.
open(my $owners, '<&=', $owner) or $fail->('its user namespace');
unless ((stat($owners))[1] == $users) { syscall($setns + 0, $owner + 0, ${newUser}) == 0 or $fail->('setns') }
syscall($setns + 0, fileno($network), ${newNetwork}) == 0 or $fail->('setns');
${listenScript}
`

/**
 * Makes the doors of a sandbox whose network bubblewrap made: where it is the one program that may make user namespaces
 * (Ubuntu's AppArmor rule), the guard cannot. Throws `isolation_unavailable`.
 */
export async function makeDoorsInside(
  init: number,
  places: readonly string[],
  take: (place: unknown, handle: unknown) => void,
): Promise<void> {
  const { sendmsg, setns } = systemCalls()
  const args = [places.join(','), 3, sendmsg, setns, init].map(String)
  const child = spawn('/usr/bin/perl', ['-e', enterScript, ...args], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: {},
    timeout: 10_000,
    killSignal: 'SIGKILL',
  })
  child.on('message', take)
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  }).catch(messageOf)
  if (code !== 0)
    throw new MayflyError(
      'isolation_unavailable',
      `the network of the sandbox could not be entered: ${text.trim() || `perl: ${String(code)}`}`,
    )
}
