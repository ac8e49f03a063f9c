#!/usr/bin/env node
/** The command itself: binds `main` to the process. */
import { main } from './main.ts';
import { streamsOf } from './streams.ts';

process.exitCode = await main(process.argv.slice(2), streamsOf(process.stdout, process.stderr));
