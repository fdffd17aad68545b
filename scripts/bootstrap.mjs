#!/usr/bin/env node
// Entry point of every npm script. It has to run on the machine's own Node (20.20 or newer) and on a clone
// without node_modules: it installs the packages when the lock has changed, then hands over to the given file
// on Node 24.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isNpmSetting, plainEnvironment } from '../local/stack/plain-environment.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const modules = path.join(root, 'node_modules');
const stampFile = path.join(modules, '.konstruct-installed');
const lockFile = path.join(modules, '.konstruct-installing');
const WANTED_NODE_MAJOR = 24;
const LOCK_POLL_MS = 250;
const SAME_SIGNAL_MS = 1000;

/** A failure that is told in one line, without a stack trace. */
class Refusal extends Error {}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** The stamp names what is installed: both files, since either may change without the other. */
function wantedStamp() {
  const hash = createHash('sha256');
  for (const name of ['package.json', 'package-lock.json']) hash.update(readText(path.join(root, name)));
  return hash.digest('hex');
}

const installed = () => readText(stampFile).trim() === wantedStamp();

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Takes the install lock, or waits for its holder; a lock whose holder has died is taken over. */
async function lockInstall() {
  fs.mkdirSync(modules, { recursive: true });
  for (let told = false; ; await sleep(LOCK_POLL_MS)) {
    try {
      fs.writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = readText(lockFile);
    if (holder !== '' && !isAlive(Number(holder))) {
      // Renamed, not removed: of two waiters only one can win the rename, so nobody removes a fresh lock.
      const grave = `${lockFile}.${process.pid}`;
      try {
        fs.renameSync(lockFile, grave);
        fs.rmSync(grave);
      } catch {
        // Another waiter was faster.
      }
    } else if (!told) {
      told = true;
      process.stderr.write(
        `  waiting for another process (${holder || 'starting'}) that is installing the packages …\n`,
      );
    }
  }
}

/** npm as the caller runs it (npm tells its scripts), else the one on PATH. */
function npmCommand() {
  const execPath = process.env.npm_execpath;
  if (execPath && /npm-cli\.c?js$/.test(execPath) && fs.existsSync(execPath))
    return [process.execPath, [execPath]];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm', []];
}

function runNpmInstall() {
  const [command, first] = npmCommand();
  // --no-save: a clone's lock stays as committed. loglevel=error: on Node 20 npm warns about the engines of
  // packages that only ever run on the Node 24 that is being installed.
  const options = ['--no-save', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...first, 'install', ...options], {
      cwd: root,
      // Installing runs scripts of the packages.
      env: plainEnvironment(process.env, isNpmSetting),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk) => (output = (output + chunk).slice(-20_000));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) =>
      reject(new Refusal(`npm can't be run (${error.message}): install Node.js with npm`)),
    );
    child.on('close', (code, signal) => resolve({ code, signal, output }));
  });
}

async function ensureInstalled() {
  if (installed()) return;
  await lockInstall();
  try {
    if (installed()) return;
    const startedAt = Date.now();
    process.stderr.write('  installing the packages (a minute or so the first time) …\n');
    const { code, signal, output } = await runNpmInstall();
    if (signal) process.exit(128 + os.constants.signals[signal]);
    if (code !== 0) {
      process.stderr.write(output.trimEnd() + '\n');
      throw new Refusal(`npm install failed with code ${code}; its output is above`);
    }
    fs.writeFileSync(stampFile, wantedStamp() + '\n');
    process.stderr.write(`  packages installed in ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`);
  } finally {
    fs.rmSync(lockFile, { force: true });
  }
}

function nodeMajor(binary) {
  const result = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)\./.exec(result.stdout ?? '')?.[1] ?? 0);
}

/** The Node that runs the project: npm's `node` package, its platform package, or this one if new enough. */
function findNode() {
  const require = createRequire(path.join(modules, 'node', 'package.json'));
  const candidates = [path.join(modules, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')];
  for (const prefix of ['node', 'node-bin']) {
    try {
      const manifest = require.resolve(`${prefix}-${process.platform}-${process.arch}/package.json`);
      candidates.push(path.join(path.dirname(manifest), 'bin', 'node'));
    } catch {
      // Not built for this platform under this name.
    }
  }
  const found = candidates.find((file) => fs.existsSync(file) && nodeMajor(file) >= WANTED_NODE_MAJOR);
  if (found) return found;
  if (Number(process.versions.node.split('.')[0]) >= WANTED_NODE_MAJOR) return process.execPath;
  throw new Refusal(
    `no Node ${WANTED_NODE_MAJOR} for ${process.platform}-${process.arch} came with the packages: ` +
      `install Node ${WANTED_NODE_MAJOR}, or if npm ignores install scripts ("npm config get ignore-scripts"), allow them`,
  );
}

/** A killed npm ends without its script's noticing: without this, `kill -9` of npm leaves a whole stack. */
function onParentGone(callback) {
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) callback();
  }, 1000).unref();
}

/** npm repeats what the whole group has received: the same signal counts once within a second. */
function once(signal, callback) {
  let last = -Infinity;
  return () => {
    if (performance.now() - last < SAME_SIGNAL_MS) return;
    last = performance.now();
    callback(signal);
  };
}

function run(script, args) {
  const child = spawn(findNode(), [script, ...args], {
    stdio: 'inherit',
    env: { ...process.env, KONSTRUCT_BOOTSTRAP_PID: String(process.pid) },
  });
  // We never end by a signal ourselves: the child decides, and its exit code is ours. A terminal's Ctrl-C has
  // reached it already, `kill -INT` of npm has not, and we can't tell the two apart. So scripts take signals
  // in quick succession as one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(
      signal,
      once(signal, () => child.kill(signal)),
    );
  onParentGone(() => child.kill('SIGTERM'));
  child.on('error', (error) => fail(new Refusal(`${script} can't be run: ${error.message}`)));
  child.on('exit', (code, signal) => process.exit(signal ? 128 + (os.constants.signals[signal] ?? 0) : code));
}

function fail(error) {
  process.stderr.write(error instanceof Refusal ? `konstruct: ${error.message}\n` : `${error.stack}\n`);
  process.exit(1);
}

async function main([file, ...args]) {
  const script = path.join(root, file ?? '');
  if (!file?.endsWith('.ts') || !fs.existsSync(script)) {
    throw new Refusal(
      `usage: node scripts/bootstrap.mjs FILE.ts [args]; there is no ${file ?? 'file given'}`,
    );
  }
  await ensureInstalled();
  run(script, args);
}

main(process.argv.slice(2)).catch(fail);
